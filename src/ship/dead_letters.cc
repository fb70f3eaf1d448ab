// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/dead_letters.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>

#include "base/error.h"
#include "base/file.h"
#include "base/json_text.h"
#include "ledger/line.h"

namespace natledger {

namespace {

constexpr std::string_view kRemedy = "make room, or mend the disk; see ledger.state";
constexpr std::string_view kRecord = ", \"record\": ";

std::string waiting_path(const std::string& folder, const std::string& destination) {
  return folder + "/" + destination + ".retry.ndjson";
}

// Held as long as it lives.
UniqueFd lock_folder(const std::string& folder) {
  UniqueFd fd = open_file(folder, O_RDONLY | O_DIRECTORY, 0, "root and ship.user may read it");
  check_call("lock " + folder, ::flock(fd.get(), LOCK_EX));
  return fd;
}

std::string letter_text(const std::string& destination, const DeadLetter& letter, TimePoint at) {
  std::string text = "{\"destination\": " + json_string(destination);
  text += ", \"at\": \"" + utc_text(at) + "\"";
  text += ", \"sequence\": " + std::to_string(letter.line.sequence);
  text += ", \"status\": " + std::to_string(letter.outcome->status);
  text += ", \"type\": " + json_string(letter.outcome->type);
  text += ", \"reason\": " + json_string(letter.outcome->reason);
  text.append(kRecord).append(letter.line.text);
  return text + "}\n";
}

// Visits the whole lines of a file, which may not be there. Their bytes.
template <class Visit>
uint64_t visit_lines(const std::string& path, Visit visit) {
  uint64_t bytes = 0;
  std::ifstream file{path, std::ios::binary};
  for (std::string line; std::getline(file, line) && !file.eof();) {
    bytes += line.size() + 1;
    visit(line);
  }
  return bytes;
}

uint64_t number_of_letter(std::string_view line) { return number_in(line, "\"sequence\":"); }

}  // namespace

std::string dead_letter_folder(const std::string& state) {
  std::string folder = state + "/dead-letters";
  make_folders(folder, "see ledger.state in the configuration");
  return folder;
}

std::string dead_letter_path(const std::string& state, const std::string& destination) {
  return state + "/dead-letters/" + destination + ".ndjson";
}

std::unordered_set<uint64_t> dead_numbers(const std::string& state,
                                          const std::string& destination) {
  std::unordered_set<uint64_t> numbers;
  const std::string path = dead_letter_path(state, destination);
  const std::string folder = std::filesystem::path{path}.parent_path();
  if (::access(folder.c_str(), F_OK) != 0) return numbers;
  const UniqueFd lock = lock_folder(folder);
  for (const std::string& each : {path, waiting_path(folder, destination)}) {
    if (::access(each.c_str(), R_OK) == 0) {
      visit_lines(each, [&](const std::string& line) { numbers.insert(number_of_letter(line)); });
    } else if (errno != ENOENT) {
      throw SystemError("read the dead letters " + each, errno, "root and ship.user may");
    }
  }
  return numbers;
}

DeadLetters::DeadLetters(const std::string& state, const std::string& destination, uint64_t from,
                         uint64_t most_bytes)
    : destination_(destination),
      path_(dead_letter_path(state, destination)),
      most_bytes_(most_bytes) {
  const std::string folder = dead_letter_folder(state);
  const UniqueFd lock = lock_folder(folder);
  remember(waiting_path(folder, destination), from);
  remember(path_, from);
}

void DeadLetters::remember(const std::string& path, uint64_t from) {
  const bool own = path == path_;
  if (!own && ::access(path.c_str(), F_OK) != 0) return;
  const uint64_t bytes = visit_lines(path, [&](const std::string& line) {
    const uint64_t sequence = number_of_letter(line);
    if (sequence >= from) written_.insert(sequence);
  });
  if (!own) return;
  const UniqueFd fd = open_file(path, O_RDWR | O_CREAT, 0640, "see ledger.state");
  check_call("cut the torn end of " + path, ::ftruncate(fd.get(), static_cast<off_t>(bytes)));
}

void DeadLetters::add(std::span<const DeadLetter> letters, TimePoint at) {
  std::string text;
  for (const DeadLetter& letter : letters) {
    if (!written_.contains(letter.line.sequence)) text += letter_text(destination_, letter, at);
  }
  if (text.empty()) return;
  const UniqueFd lock = lock_folder(std::filesystem::path{path_}.parent_path());
  const UniqueFd fd = open_file(path_, O_RDWR | O_CREAT | O_APPEND, 0640, "see ledger.state");
  const uint64_t bytes = file_bytes(fd.get(), path_);
  if (bytes + text.size() > most_bytes_) {
    throw SystemError("add " + std::to_string(letters.size()) + " dead letters to " + path_ +
                      ": they would be more than dead_letters.size, so this destination waits "
                      "(mend what refuses them, then `natledger ship retry-dead-letters`; or "
                      "raise it)");
  }
  if (!write_whole(fd.get(), text) || ::fdatasync(fd.get()) != 0) {
    const int cause = errno;
    // The letters are written again, and nothing may stand before them.
    check_call("cut " + path_, ::ftruncate(fd.get(), static_cast<off_t>(bytes)), kRemedy);
    throw SystemError("write " + path_, cause, kRemedy);
  }
  for (const DeadLetter& letter : letters) written_.insert(letter.line.sequence);
}

RetriedLetters::RetriedLetters(const std::string& state, const std::string& destination)
    : folder_(dead_letter_folder(state)), path_(waiting_path(folder_, destination)) {
  const UniqueFd lock = lock_folder(folder_);
  const std::string from = folder_ + "/" + destination + ".ndjson";
  std::map<uint64_t, std::string> records;
  const auto take = [&](const std::string& line) {
    const size_t at = line.find(kRecord);
    if (at == std::string::npos || !line.ends_with('}')) {
      throw SystemError("read the dead letters of " + destination +
                        ": a line is none (mend or remove it): " + line.substr(0, 100));
    }
    const size_t begin = at + kRecord.size();
    records[number_of_letter(line)] = line.substr(begin, line.size() - begin - 1);
  };
  const bool left_over = ::access(path_.c_str(), F_OK) == 0;
  if (!left_over && ::access(from.c_str(), F_OK) == 0) {
    check_call("rename " + from, ::rename(from.c_str(), path_.c_str()), kRemedy);
    sync_directory(folder_);
  }
  fd_ = open_file(path_, O_RDWR | O_CREAT, 0640, "see ledger.state");
  if (::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0) {
    throw SystemError("try the dead letters of " + destination +
                      " again: somebody else does (wait for that to end)");
  }
  visit_lines(path_, take);
  if (left_over)
    visit_lines(from, [&](const auto& line) { records.erase(number_of_letter(line)); });
  for (auto& [sequence, record] : records) letters_.push_back({sequence, std::move(record)});
}

void RetriedLetters::done() {
  check_call("remove " + path_, ::unlink(path_.c_str()), kRemedy);
  sync_directory(folder_);
}

}  // namespace natledger
