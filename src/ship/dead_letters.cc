// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/dead_letters.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "base/error.h"
#include "base/file.h"
#include "base/json_text.h"
#include "ledger/line.h"

namespace natledger {

namespace {

constexpr std::string_view kRemedy = "make room, or mend the disk; see ledger.state";

std::string path_of(const std::string& state, const std::string& destination) {
  const std::string folder = state + "/dead-letters";
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) {
    throw SystemError("make " + folder, failed.value(), "see ledger.state in the configuration");
  }
  return folder + "/" + destination + ".ndjson";
}

std::string letter_text(const std::string& destination, const DeadLetter& letter, TimePoint at) {
  std::string text = "{\"destination\": " + json_string(destination);
  text += ", \"at\": \"" + utc_text(at) + "\"";
  text += ", \"sequence\": " + std::to_string(letter.line.sequence);
  text += ", \"status\": " + std::to_string(letter.outcome->status);
  text += ", \"type\": " + json_string(letter.outcome->type);
  text += ", \"reason\": " + json_string(letter.outcome->reason);
  text += ", \"record\": ";
  text += letter.line.text;
  return text + "}\n";
}

}  // namespace

DeadLetters::DeadLetters(const std::string& state, const std::string& destination, uint64_t from)
    : destination_(destination),
      path_(path_of(state, destination)),
      fd_(open_file(path_, O_RDWR | O_CREAT | O_APPEND, 0640, "see ledger.state")) {
  std::ifstream file{path_, std::ios::binary};
  for (std::string line; std::getline(file, line) && !file.eof();) {
    bytes_ += line.size() + 1;
    const uint64_t sequence = number_in(line, "\"sequence\":");
    if (sequence >= from) written_.insert(sequence);
  }
  check_call("cut the torn end of " + path_, ::ftruncate(fd_.get(), static_cast<off_t>(bytes_)));
}

void DeadLetters::add(std::span<const DeadLetter> letters, TimePoint at) {
  std::string text;
  for (const DeadLetter& letter : letters) {
    if (!written_.contains(letter.line.sequence)) text += letter_text(destination_, letter, at);
  }
  if (text.empty()) return;
  if (!write_whole(fd_.get(), text) || ::fdatasync(fd_.get()) != 0) {
    const int cause = errno;
    // The letters are written again, and nothing may stand before them.
    check_call("cut " + path_, ::ftruncate(fd_.get(), static_cast<off_t>(bytes_)), kRemedy);
    throw SystemError("write " + path_, cause, kRemedy);
  }
  bytes_ += text.size();
  for (const DeadLetter& letter : letters) written_.insert(letter.line.sequence);
}

}  // namespace natledger
