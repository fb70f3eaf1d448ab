// SPDX-License-Identifier: GPL-2.0-or-later
// A ledger with what lies beside its segments: lines by their number, what was open at some point,
// and the lines behind that point.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/open_table.h"
#include "ledger/segment_index.h"
#include "ledger/segment_lines.h"

namespace natledger {

// One segment, with what is known of it.
struct IndexedSegment {
  SealedSegment sealed;  // of the active one the path it has
  OpenSegment active;    // empty, if it is sealed
  std::optional<SegmentIndex> index;
  std::unique_ptr<PlacedLines> lines;  // opened when one is asked for

  uint64_t first() const { return sealed.first_sequence; }
  OpenSegment open() const;
  PlacedLines& placed();
};

// All functions throw SystemError when a file cannot be read, or is damaged.
class IndexedLedger {
 public:
  // Throws when there is no ledger.
  explicit IndexedLedger(const std::string& directory);

  // The newest table of open flows that goes with its index. False when there is none.
  bool find_table();
  std::optional<OpenTable>& table() { return table_; }

  // The segments, oldest first, and which of them that table stands behind.
  std::vector<IndexedSegment>& segments() { return segments_; }
  size_t newest() const { return newest_; }

  // Whether there is an index of all of the segment, or of as much as the table knows of the
  // newest.
  bool open_index(size_t number);
  // The line of that number, if an index knows where it is; nothing where it is missing. Valid
  // until the next call.
  std::string_view line_of(uint64_t sequence);
  using LineVisit = std::function<void(const SegmentLine&)>;
  // All lines of a segment; those behind what its index knows. False when these cannot be told from
  // the others.
  bool read_all(size_t number, const LineVisit& visit);
  bool read_rest(size_t number, const LineVisit& visit);

 private:
  bool read_from(size_t number, uint64_t from, const LineVisit& visit);

  const std::string directory_;
  std::vector<IndexedSegment> segments_;
  std::optional<OpenTable> table_;
  size_t newest_ = 0;
};

}  // namespace natledger
