// SPDX-License-Identifier: GPL-2.0-or-later
// The bytes of one segment from the first to the last, whether it is archived or not.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "ledger/segment.h"

namespace natledger {

class Archive;

// A part of a file that cannot be read.
struct Damage {
  std::string path;
  uint64_t at = 0;  // the byte of the file
  std::string what;
};

class SegmentStream {
 public:
  // A plain segment that is open already; `path` stands in messages.
  SegmentStream(UniqueFd file, std::string path);
  // A sealed one. If it was archived since it was listed, its archive. Throws SystemError when it
  // cannot be opened; is_open() is false when it has gone.
  explicit SegmentStream(const SealedSegment& sealed);
  explicit SegmentStream(OpenSegment segment);
  ~SegmentStream();
  SegmentStream(SegmentStream&&) noexcept;
  SegmentStream& operator=(SegmentStream&&) noexcept;

  bool is_open() const { return file_ || archive_ != nullptr; }
  const std::string& path() const { return path_; }
  // Whether the plain segment being read is the file of that name now.
  bool is_at(const std::string& path) const;

  // Appends the next bytes to `buffer`, of an archive a frame, which holds whole lines. False at
  // the end; of an active segment there may be more later. Passes over what is damaged. Throws
  // SystemError when the disk refuses.
  bool read(std::string& buffer);
  // Where in the segment's own bytes the next ones stand, if no frame before them is damaged.
  uint64_t at() const;
  // What was passed over so far; the first kMostDamages.
  const std::vector<Damage>& damages() const { return damages_; }

  static constexpr size_t kMostDamages = 100;

 private:
  bool read_frame(std::string& buffer);
  void add_damage(uint64_t at, std::string what);

  std::string path_;
  UniqueFd file_;
  std::unique_ptr<Archive> archive_;
  size_t frame_ = 0;
  uint64_t plain_at_ = 0;
  std::vector<Damage> damages_;
};

}  // namespace natledger
