// SPDX-License-Identifier: GPL-2.0-or-later
#include "ledger/reader.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/file.h"
#include "ledger/line.h"
#include "ledger/segment.h"

namespace natledger {

namespace {

constexpr size_t kReadBytes = 1 << 20;

bool is_same_file(int a, int b) {
  struct stat first {
  }, second{};
  return ::fstat(a, &first) == 0 && ::fstat(b, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

}  // namespace

LedgerReader::LedgerReader(const std::string& directory) {
  // The active segment first: if it is sealed while we look, it is found under both names.
  const std::string active_path = directory + "/" + std::string{kActiveName};
  UniqueFd active = open_segment(active_path);
  for (const SealedSegment& sealed : list_sealed(directory)) {
    UniqueFd fd = open_segment(sealed.path);
    if (!fd) continue;  // taken away meanwhile, which its numbers tell
    if (active && is_same_file(fd.get(), active.get())) active = UniqueFd{};
    segments_.push_back({sealed.path, std::move(fd), false});
  }
  if (active) segments_.push_back({active_path, std::move(active), true});
  if (segments_.empty()) {
    throw SystemError("read ledger " + directory + ": no conntrack*.json in it (" +
                      std::string{kReadRemedy} + ")");
  }
}

bool LedgerReader::next(LedgerLine& line) {
  while (segment_ < segments_.size()) {
    if (take_line(line)) return true;
    if (fill()) continue;
    if (segments_[segment_].active) return false;
    // What is left of a sealed segment ends without '\n': a cut file.
    if (at_ < buffer_.size()) ++torn_lines_;
    buffer_.clear();
    at_ = 0;
    ++segment_;
  }
  return false;
}

// Takes the next whole record of the buffer, passing over torn lines.
bool LedgerReader::take_line(LedgerLine& line) {
  while (at_ < buffer_.size()) {
    const std::string_view rest = std::string_view{buffer_}.substr(at_);
    const size_t bytes = rest.find('\n');
    if (bytes == std::string_view::npos) return false;
    line.text = rest.substr(0, bytes);
    line.sequence = sequence_of(line.text);
    at_ += bytes + 1;
    // A torn line, ended by us, can only be the last of a segment; it may end in a brace by chance.
    const bool may_be_torn = at_ == buffer_.size();
    if (line.sequence != 0 && (!may_be_torn || is_closed_object(line.text))) return true;
    ++torn_lines_;
  }
  return false;
}

bool LedgerReader::fill() {
  buffer_.erase(0, at_);
  at_ = 0;
  const size_t kept = buffer_.size();
  buffer_.resize(kept + kReadBytes);
  ssize_t n = 0;
  do {
    n = ::read(segments_[segment_].fd.get(), buffer_.data() + kept, kReadBytes);
  } while (n < 0 && errno == EINTR);
  if (n < 0) throw SystemError("read " + segments_[segment_].path, errno, "look at the disk");
  buffer_.resize(kept + static_cast<size_t>(n));
  return n > 0;
}

}  // namespace natledger
