// SPDX-License-Identifier: GPL-2.0-or-later
// Whether what lies beside segments says what their lines say: index and table of open flows.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ledger/index_builder.h"
#include "ledger/segment_index.h"
#include "ledger/segment_stream.h"

namespace natledger {

class IndexCheck {
 public:
  // Segments in their order, each with all its lines.
  void begin_segment(std::string directory);
  void add(const SegmentLine& line);
  // `first`: the number in the segment's name, 0 for the active one. Adds what is wrong. Throws
  // SystemError when the disk refuses.
  void end_segment(uint64_t first, std::vector<Damage>& damages);
  // Lines may have been lost, or changed: what is open then is not known any more. Of a segment
  // that cannot be read to its end, instead of that.
  void lose_lines() { tables_known_ = false; }

  uint64_t indexes() const { return indexes_; }

 private:
  void open_index(uint64_t first);
  void check_table(uint64_t first, uint64_t bytes, std::vector<Damage>& damages);

  std::string directory_;
  std::unique_ptr<IndexBuilder> builder_;
  std::optional<SegmentIndex> index_;
  bool looked_ = false;  // for the index
  std::string unreadable_;
  std::vector<OpenEntry> open_;  // behind the segment before
  bool tables_known_ = true;
  uint64_t oldest_ = 0;  // the first number of all
  uint64_t indexes_ = 0;
};

}  // namespace natledger
