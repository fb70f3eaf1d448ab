// SPDX-License-Identifier: GPL-2.0-or-later
#include "ledger/active_segment.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "ledger/segment.h"

namespace natledger {

namespace {
constexpr uint64_t kPieceBytes = 128 << 10;
// Hashed at a time: as long as a rotation may have to wait.
constexpr uint64_t kMostAtOnce = 1 << 20;
constexpr uint64_t kFrontBytes = 64 << 10;  // the first two lines are shorter
}  // namespace

ActiveSegment::ActiveSegment(UniqueFd file, std::string path, uint64_t first_sequence,
                             TimePoint begun)
    : file_(std::move(file)),
      path_(std::move(path)),
      first_sequence_(first_sequence),
      begun_(begun),
      bytes_(file_bytes(file_.get(), path_)),
      sum_(std::make_unique<Sha256>()) {}

ssize_t ActiveSegment::write(std::string_view bytes) {
  const ssize_t n = ::write(file_.get(), bytes.data(), bytes.size());
  if (n > 0) bytes_ += static_cast<uint64_t>(n);
  return n;
}

Duration ActiveSegment::age(TimePoint at) {
  if (!begun_.known() || at < begun_) begun_ = at;
  return at - begun_;
}

int ActiveSegment::sync() {
  if (const int failed = sync_failed_) return failed;
  if (::fdatasync(file_.get()) == 0) return 0;
  sync_failed_ = errno;
  return sync_failed_;
}

bool ActiveSegment::hash_some() {
  try {
    hash_to(std::min<uint64_t>(bytes_, hashed_to_ + kMostAtOnce));
  } catch (const SystemError&) {
    // Read again when the segment is sealed, who says it then.
    return false;
  }
  return hashed_to_ < bytes_;
}

// Through a buffer that stays in the processor's cache.
void ActiveSegment::hash_to(uint64_t end) {
  piece_.resize(kPieceBytes);
  while (hashed_to_ < end) {
    const ssize_t n = ::pread(file_.get(), piece_.data(), std::min(kPieceBytes, end - hashed_to_),
                              static_cast<off_t>(hashed_to_));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw SystemError("read " + path_, errno, "look at the disk");
    if (n == 0) throw SystemError("read " + path_ + ": it was cut by somebody");
    sum_->add({piece_.data(), static_cast<size_t>(n)});
    hashed_to_ += static_cast<uint64_t>(n);
  }
}

SegmentSeal ActiveSegment::describe(const std::string& name, uint64_t last_sequence) {
  const uint64_t bytes = file_bytes(file_.get(), path_);
  hash_to(bytes);
  SegmentSeal seal;
  seal.name = name;
  seal.first = first_sequence_;
  seal.last = last_sequence;
  seal.bytes = bytes;
  if (const auto before = seal_at_front(read_at(file_.get(), path_, 0, kFrontBytes))) {
    seal.previous = before->sha256;
  }
  seal.sha256 = sum_->hex();
  // A sum has one end. Should this not be the segment's, the next look begins again.
  sum_ = std::make_unique<Sha256>();
  hashed_to_ = 0;
  return seal;
}

void ActiveSegment::rename(const std::string& path) {
  if (!is_file_at(file_.get(), path_)) {
    throw SystemError("rename " + path_ +
                      ": another file has taken its place (who moves the ledger's files?)");
  }
  check_call("rename " + path_ + " to " + path,
             ::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE));
  path_ = path;
}

struct stat ActiveSegment::status() const {
  struct stat status {};
  check_call("stat " + path_, ::fstat(file_.get(), &status));
  return status;
}

}  // namespace natledger
