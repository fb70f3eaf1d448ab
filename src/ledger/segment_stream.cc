// SPDX-License-Identifier: GPL-2.0-or-later
#include "ledger/segment_stream.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/error.h"
#include "ledger/archive.h"

namespace natledger {

namespace {
constexpr size_t kReadBytes = 1 << 20;
}

SegmentStream::SegmentStream(UniqueFd file, std::string path)
    : path_(std::move(path)), file_(std::move(file)) {}

SegmentStream::SegmentStream(const SealedSegment& sealed) : SegmentStream(open_sealed(sealed)) {}

SegmentStream::SegmentStream(OpenSegment segment)
    : path_(std::move(segment.path)), file_(std::move(segment.fd)) {
  if (!file_ || !segment.archived) return;
  archive_ = std::make_unique<Archive>(std::move(file_), path_);
  file_ = UniqueFd{};
  if (!archive_->table_damage().empty()) add_damage(0, archive_->table_damage());
}

SegmentStream::~SegmentStream() = default;
SegmentStream::SegmentStream(SegmentStream&&) noexcept = default;
SegmentStream& SegmentStream::operator=(SegmentStream&&) noexcept = default;

bool SegmentStream::is_at(const std::string& path) const {
  return file_ && is_file_at(file_.get(), path);
}

void SegmentStream::add_damage(uint64_t at, std::string what) {
  if (damages_.size() < kMostDamages) damages_.push_back({path_, at, std::move(what)});
}

uint64_t SegmentStream::at() const {
  if (archive_ == nullptr) return plain_at_;
  const std::vector<ArchiveFrame>& frames = archive_->frames();
  if (frame_ < frames.size()) return frames[frame_].content_at;
  return frames.empty() ? 0 : frames.back().content_at + frames.back().content;
}

bool SegmentStream::read(std::string& buffer) {
  if (archive_ != nullptr) return read_frame(buffer);
  const size_t kept = buffer.size();
  buffer.resize(kept + kReadBytes);
  ssize_t n = 0;
  do {
    n = ::read(file_.get(), buffer.data() + kept, kReadBytes);
  } while (n < 0 && errno == EINTR);
  buffer.resize(kept + static_cast<size_t>(std::max<ssize_t>(n, 0)));
  if (n < 0) throw SystemError("read " + path_, errno, "look at the disk");
  plain_at_ += static_cast<uint64_t>(n);
  return n > 0;
}

bool SegmentStream::read_frame(std::string& buffer) {
  std::string content;
  while (frame_ < archive_->frames().size()) {
    const ArchiveFrame& frame = archive_->frames()[frame_++];
    const std::string damage = archive_->read_frame(frame, content);
    if (damage.empty()) {
      buffer += content;
      return true;
    }
    add_damage(frame.at, damage);
  }
  return false;
}

}  // namespace natledger
