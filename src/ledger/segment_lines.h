// SPDX-License-Identifier: GPL-2.0-or-later
// The lines of one segment with their places: one after the other, or by place and number.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "ledger/archive.h"
#include "ledger/segment.h"
#include "ledger/segment_stream.h"

namespace natledger {

struct SegmentLine {
  std::string_view text;  // without its '\n'; valid until the next call
  uint64_t sequence = 0;
  uint64_t place = 0;  // in the segment, archived or not
};

class SegmentLines {
 public:
  // `at` is where in the segment the stream begins.
  explicit SegmentLines(SegmentStream stream, uint64_t at = 0)
      : stream_(std::move(stream)), place_(at), from_(at) {}

  // The next whole record, as LedgerReader gives it. False at the end of what is written now.
  // Throws SystemError when the disk refuses.
  bool next(SegmentLine& line);
  // Behind the last line that ends in '\n'.
  uint64_t place() const { return place_; }
  // Where the segment ends.
  uint64_t end() const { return place_ + buffer_.size() - at_; }

 private:
  bool take_line(SegmentLine& line);
  bool read_more();

  SegmentStream stream_;
  std::string buffer_;
  size_t at_ = 0;
  uint64_t place_;  // of buffer_[at_]
  const uint64_t from_;
};

class PlacedLines {
 public:
  // The descriptor must be of a regular file. Throws SystemError.
  explicit PlacedLines(OpenSegment segment);

  // The number of the first line; 0 when that is none, or torn.
  uint64_t first_number();
  // The record that begins within kPlaceUnit bytes from `place` on, or nothing; valid until the
  // next call. Throw SystemError when the disk refuses, or that part of the archive is damaged.
  std::string_view line_at(uint64_t place);
  // The record of that number, which begins in [from, to), or nothing.
  std::string_view line_of(uint64_t sequence, uint64_t from, uint64_t to);

 private:
  bool load(uint64_t place, uint64_t bytes);
  std::string_view ended_line(uint64_t place);
  template <class Find>
  std::string_view search(uint64_t from, uint64_t to, const Find& find);

  OpenSegment segment_;
  std::unique_ptr<Archive> archive_;
  std::string window_;
  uint64_t window_at_ = 0;
};

}  // namespace natledger
