// SPDX-License-Identifier: GPL-2.0-or-later
#include "ledger/segment.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <functional>
#include <tuple>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/handle.h"
#include "ledger/archive.h"
#include "ledger/line.h"

namespace natledger {

namespace {

constexpr std::string_view kSealedStart = "conntrack-";
constexpr std::string_view kSealedEnd = ".json";
constexpr size_t kNameDigits = 19;
constexpr uint64_t kBlockBytes = 64 * 1024;
constexpr size_t kMostLineBytes = 1 << 20;

// Up to `bytes` from place `at`: fewer only at the end.
using ReadAt = std::function<std::string(uint64_t at, uint64_t bytes)>;

// Reads forward to the first whole line. Whether there is one; else what take_unended() found
// stays.
bool find_first_line(const ReadAt& read, uint64_t size, SegmentTail& tail) {
  std::string text;
  for (uint64_t at = 0; at < size; at += kBlockBytes) {
    text += read(at, std::min(kBlockBytes, size - at));
    size_t start = 0;
    for (size_t end; (end = text.find('\n', start)) != std::string::npos; start = end + 1) {
      const std::string_view line = std::string_view{text}.substr(start, end - start);
      if (sequence_of(line) == 0) continue;
      tail.first_sequence = sequence_of(line);
      tail.first_time = time_of(line);
      return true;
    }
    text.erase(0, start);
  }
  return false;
}

bool take_last_line(std::string_view line, SegmentTail& tail) {
  const uint64_t sequence = sequence_of(line);
  if (sequence == 0 || !is_closed_object(line)) return false;
  tail.last_sequence = sequence;
  tail.last_time = std::max(time_of(line), inferred_at(line));
  tail.last_id = id_of(line);
  return true;
}

// A line that lacks nothing but its '\n', which sealing will add.
bool take_unended(std::string_view rest, SegmentTail& tail) {
  if (!take_last_line(rest, tail)) return false;
  tail.first_sequence = tail.last_sequence;
  tail.first_time = time_of(rest);
  tail.torn_bytes = 0;
  return true;
}

// Reads backward to the last whole line.
void find_last_line(const ReadAt& read, SegmentTail& tail) {
  std::string text;  // what has been read and not looked at
  bool looked_behind = false;
  for (uint64_t at = tail.bytes; at > 0;) {
    const uint64_t bytes = std::min(kBlockBytes, at);
    at -= bytes;
    text.insert(0, read(at, bytes));
    // Lines that begin within `text`: behind a '\n', or at the file's start.
    size_t end = text.rfind('\n');
    if (end != std::string::npos && !looked_behind) {
      if (take_unended(std::string_view{text}.substr(end + 1), tail)) return;
      looked_behind = true;
    }
    while (end != std::string::npos) {
      const size_t before = end == 0 ? std::string::npos : text.rfind('\n', end - 1);
      if (before == std::string::npos && at > 0) {
        text.resize(end + 1);
        break;
      }
      const size_t start = before == std::string::npos ? 0 : before + 1;
      const std::string_view line = std::string_view{text}.substr(start, end - start);
      if (take_last_line(line, tail)) {
        tail.torn_bytes = tail.bytes - (at + end + 1);
        return;
      }
      end = before;
    }
    // No record is so long: zeros, or something else that was never a line.
    if (text.size() > kMostLineBytes) {
      looked_behind = true;
      text.assign(1, '\0');
    }
  }
  if (!looked_behind && take_unended(text, tail)) return;
  tail.torn_bytes = tail.bytes;
}

SegmentTail read_plain_tail(const OpenSegment& open) {
  struct stat status {};
  check_call("stat " + open.path, ::fstat(open.fd.get(), &status));
  SegmentTail tail;
  tail.bytes = static_cast<uint64_t>(status.st_size);
  tail.device = status.st_dev;
  tail.inode = status.st_ino;
  const ReadAt read = [&](uint64_t at, uint64_t bytes) {
    return read_at(open.fd.get(), open.path, at, bytes);
  };
  if (tail.bytes == 0) return tail;
  tail.ends_in_newline = read(tail.bytes - 1, 1) == "\n";
  find_last_line(read, tail);
  if (tail.last_sequence != 0) find_first_line(read, tail.bytes, tail);
  return tail;
}

SegmentTail read_archive_tail(const OpenSegment& open) {
  Archive archive{UniqueFd{::fcntl(open.fd.get(), F_DUPFD_CLOEXEC, 0)}, open.path};
  std::string content;
  const ReadAt read = [&](uint64_t at, uint64_t bytes) { return content.substr(at, bytes); };
  SegmentTail tail;
  uint64_t behind = 0;  // bytes of frames without a whole line
  for (size_t i = archive.frames().size(); i-- > 0 && tail.last_sequence == 0;) {
    if (!archive.read_frame(archive.frames()[i], content).empty()) continue;
    if (behind == 0) tail.ends_in_newline = content.ends_with('\n');
    tail.bytes = content.size();
    find_last_line(read, tail);
    behind += tail.torn_bytes;
  }
  tail.torn_bytes = behind;
  bool found = tail.last_sequence == 0;
  for (size_t i = 0; i < archive.frames().size() && !found; ++i) {
    if (!archive.read_frame(archive.frames()[i], content).empty()) continue;
    found = find_first_line(read, content.size(), tail);
  }
  tail.bytes = 0;
  for (const ArchiveFrame& frame : archive.frames()) tail.bytes += frame.content;
  return tail;
}

TimePoint changed_at(const std::string& directory) {
  struct stat status {};
  check_call("read ledger " + directory, ::stat(directory.c_str(), &status), kReadRemedy);
  return {status.st_mtim.tv_sec * kNsPerSecond + status.st_mtim.tv_nsec};
}

std::vector<SealedSegment> read_names(const std::string& directory) {
  const Handle<DIR, ::closedir> dir{::opendir(directory.c_str())};
  if (!dir) throw SystemError("read ledger " + directory, errno, kReadRemedy);
  std::vector<SealedSegment> segments;
  while (const dirent* entry = ::readdir(dir.get())) {
    std::string_view name = entry->d_name;
    const bool archived = name.ends_with(kArchiveEnd);
    if (archived) name.remove_suffix(kArchiveEnd.size());
    const uint64_t first = sequence_in_name(name);
    if (first != 0) segments.push_back({first, directory + "/" + entry->d_name, archived});
  }
  return segments;
}

}  // namespace

std::string sealed_name(uint64_t first_sequence) {
  char name[64];
  std::snprintf(name, sizeof name, "conntrack-%019llu.json",
                static_cast<unsigned long long>(first_sequence));
  return name;
}

uint64_t sequence_in_name(std::string_view name) {
  if (name.size() != kSealedStart.size() + kNameDigits + kSealedEnd.size()) return 0;
  if (!name.starts_with(kSealedStart) || !name.ends_with(kSealedEnd)) return 0;
  const char* digits = name.data() + kSealedStart.size();
  uint64_t sequence = 0;
  const auto [end, error] = std::from_chars(digits, digits + kNameDigits, sequence);
  const bool whole = error == std::errc{} && end == digits + kNameDigits;
  return whole && sequence <= kMostSequence ? sequence : 0;
}

std::vector<SealedSegment> list_sealed(const std::string& directory) {
  // A name that is exchanged for another while one reads may be met under neither.
  constexpr int kTries = 5;
  std::vector<SealedSegment> segments;
  for (int i = 0; i < kTries; ++i) {
    const TimePoint before = changed_at(directory);
    segments = read_names(directory);
    if (changed_at(directory) == before) break;
  }
  std::sort(segments.begin(), segments.end(), [](const auto& a, const auto& b) {
    return std::tie(a.first_sequence, a.archived) < std::tie(b.first_sequence, b.archived);
  });
  const auto same = [](const auto& a, const auto& b) {
    return a.first_sequence == b.first_sequence;
  };
  segments.erase(std::unique(segments.begin(), segments.end(), same), segments.end());
  return segments;
}

UniqueFd open_segment(const std::string& path) {
  UniqueFd fd{::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
  if (!fd && errno == ENOENT) return fd;
  if (!fd) throw SystemError("read ledger " + path, errno, kReadRemedy);
  struct stat status {};
  check_call("stat " + path, ::fstat(fd.get(), &status));
  if (!S_ISREG(status.st_mode)) {
    throw SystemError("read ledger " + path + ": not a regular file (move it away)");
  }
  return fd;
}

bool is_file_at(int fd, const std::string& path) {
  struct stat own {
  }, named{};
  return ::fstat(fd, &own) == 0 && ::stat(path.c_str(), &named) == 0 &&
         own.st_dev == named.st_dev && own.st_ino == named.st_ino;
}

LedgerFiles list_ledger(const std::string& directory) {
  LedgerFiles files;
  files.active_path = directory + "/" + std::string{kActiveName};
  // The active segment first: if it is sealed meanwhile, it is found under both names.
  files.active = open_segment(files.active_path);
  files.sealed = list_sealed(directory);
  if (!files.active && files.sealed.empty()) {
    throw SystemError("read ledger " + directory + ": no conntrack*.json in it (" +
                      std::string{kReadRemedy} + ")");
  }
  if (!files.active) return files;
  const auto is_active = [fd = files.active.get()](const SealedSegment& sealed) {
    return is_file_at(fd, sealed.path);
  };
  if (std::any_of(files.sealed.begin(), files.sealed.end(), is_active)) files.active = UniqueFd{};
  return files;
}

OpenSegment open_sealed(const SealedSegment& sealed) {
  OpenSegment open{open_segment(sealed.path), sealed.path, sealed.archived};
  if (open.fd || sealed.archived) return open;
  open.path += kArchiveEnd;
  open.archived = true;
  open.fd = open_segment(open.path);
  return open;
}

uint64_t last_number(const std::string& directory) {
  const std::string path = directory + "/" + std::string{kActiveName};
  // The active segment first: if it is sealed meanwhile, it is listed with the others.
  if (OpenSegment active{open_segment(path), path, false}; active.fd) {
    if (const uint64_t last = read_tail(active).last_sequence; last != 0) return last;
  }
  if (::access(directory.c_str(), F_OK) != 0) return 0;
  return newest_tail(list_sealed(directory)).last_sequence;
}

SegmentTail newest_tail(const std::vector<SealedSegment>& sealed) {
  SegmentTail last;
  for (size_t i = sealed.size(); i-- > 0 && last.last_sequence == 0;) {
    const OpenSegment open = open_sealed(sealed[i]);
    if (open.fd) last = read_tail(open);  // else it was taken away meanwhile
  }
  return last;
}

SegmentTail read_tail(const std::string& path) {
  return read_tail(OpenSegment{open_segment(path), path, false});
}

SegmentTail read_tail(const SealedSegment& sealed) { return read_tail(open_sealed(sealed)); }

SegmentTail read_tail(const OpenSegment& open) {
  if (!open.fd) throw SystemError("read ledger " + open.path, ENOENT, kReadRemedy);
  return open.archived ? read_archive_tail(open) : read_plain_tail(open);
}

}  // namespace natledger
