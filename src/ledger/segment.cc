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

#include "base/error.h"
#include "base/file.h"
#include "base/handle.h"
#include "ledger/line.h"

namespace natledger {

namespace {

constexpr std::string_view kSealedStart = "conntrack-";
constexpr std::string_view kSealedEnd = ".json";
constexpr size_t kNameDigits = 19;
constexpr uint64_t kBlockBytes = 64 * 1024;

uint64_t sequence_in_name(std::string_view name) {
  if (name.size() != kSealedStart.size() + kNameDigits + kSealedEnd.size()) return 0;
  if (!name.starts_with(kSealedStart) || !name.ends_with(kSealedEnd)) return 0;
  const char* digits = name.data() + kSealedStart.size();
  uint64_t sequence = 0;
  const auto [end, error] = std::from_chars(digits, digits + kNameDigits, sequence);
  return error == std::errc{} && end == digits + kNameDigits ? sequence : 0;
}

std::string read_at(const std::string& path, int fd, uint64_t offset, uint64_t bytes) {
  std::string text(bytes, '\0');
  size_t got = 0;
  while (got < bytes) {
    const ssize_t n = ::pread(fd, text.data() + got, bytes - got, static_cast<off_t>(offset + got));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw SystemError("read " + path, errno, "look at the disk");
    if (n == 0) break;
    got += static_cast<size_t>(n);
  }
  text.resize(got);
  return text;
}

// Reads forward to the first whole line.
uint64_t find_first_sequence(const std::string& path, int fd, uint64_t size) {
  std::string text;
  for (uint64_t at = 0; at < size; at += kBlockBytes) {
    text += read_at(path, fd, at, std::min(kBlockBytes, size - at));
    size_t start = 0;
    for (size_t end; (end = text.find('\n', start)) != std::string::npos; start = end + 1) {
      const uint64_t sequence = sequence_of(std::string_view{text}.substr(start, end - start));
      if (sequence != 0) return sequence;
    }
    text.erase(0, start);
  }
  return 0;
}

bool take_last_line(std::string_view line, SegmentTail& tail) {
  const uint64_t sequence = sequence_of(line);
  if (sequence == 0 || !is_closed_object(line)) return false;
  tail.last_sequence = sequence;
  tail.last_time = time_of(line);
  tail.last_id = id_of(line);
  return true;
}

// A line that lacks nothing but its '\n', which sealing will add.
bool take_unended(std::string_view rest, SegmentTail& tail) {
  if (!take_last_line(rest, tail)) return false;
  if (tail.first_sequence == 0) tail.first_sequence = tail.last_sequence;
  tail.torn_bytes = 0;
  return true;
}

// Reads backward to the last whole line.
void find_last_line(const std::string& path, int fd, SegmentTail& tail) {
  std::string text;  // the end of the file, as far as read
  bool looked_behind = false;
  for (uint64_t at = tail.bytes; at > 0;) {
    const uint64_t bytes = std::min(kBlockBytes, at);
    at -= bytes;
    text.insert(0, read_at(path, fd, at, bytes));
    // Lines that begin within `text`: behind a '\n', or at the file's start.
    size_t end = text.rfind('\n');
    if (end != std::string::npos && !looked_behind) {
      if (take_unended(std::string_view{text}.substr(end + 1), tail)) return;
      looked_behind = true;
    }
    while (end != std::string::npos) {
      const size_t before = end == 0 ? std::string::npos : text.rfind('\n', end - 1);
      if (before == std::string::npos && at > 0) break;
      const size_t start = before == std::string::npos ? 0 : before + 1;
      const std::string_view line = std::string_view{text}.substr(start, end - start);
      if (take_last_line(line, tail)) {
        tail.torn_bytes = tail.bytes - (at + end + 1);
        return;
      }
      end = before;
    }
  }
  if (!looked_behind && take_unended(text, tail)) return;
  tail.torn_bytes = tail.bytes;
}

}  // namespace

std::string sealed_name(uint64_t first_sequence) {
  char name[64];
  std::snprintf(name, sizeof name, "conntrack-%019llu.json",
                static_cast<unsigned long long>(first_sequence));
  return name;
}

std::vector<SealedSegment> list_sealed(const std::string& directory) {
  const Handle<DIR, ::closedir> dir{::opendir(directory.c_str())};
  if (!dir) throw SystemError("read ledger " + directory, errno, kReadRemedy);
  std::vector<SealedSegment> segments;
  while (const dirent* entry = ::readdir(dir.get())) {
    const uint64_t first = sequence_in_name(entry->d_name);
    if (first != 0) segments.push_back({first, directory + "/" + entry->d_name});
  }
  std::sort(segments.begin(), segments.end(),
            [](const auto& a, const auto& b) { return a.first_sequence < b.first_sequence; });
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

SegmentTail read_tail(const std::string& path) {
  const UniqueFd fd = open_segment(path);
  check_call("read ledger " + path, fd.get(), kReadRemedy);
  struct stat status {};
  check_call("stat " + path, ::fstat(fd.get(), &status));
  SegmentTail tail;
  tail.bytes = static_cast<uint64_t>(status.st_size);
  tail.device = status.st_dev;
  tail.inode = status.st_ino;
  if (tail.bytes == 0) return tail;
  tail.ends_in_newline = read_at(path, fd.get(), tail.bytes - 1, 1) == "\n";
  find_last_line(path, fd.get(), tail);
  if (tail.last_sequence != 0)
    tail.first_sequence = find_first_sequence(path, fd.get(), tail.bytes);
  return tail;
}

}  // namespace natledger
