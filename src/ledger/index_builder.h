// SPDX-License-Identifier: GPL-2.0-or-later
// Makes the index of a segment, and the table of the flows open behind it, from its lines.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/index_format.h"
#include "ledger/index_line.h"
#include "ledger/open_table.h"
#include "ledger/segment_index.h"
#include "ledger/segment_lines.h"

namespace natledger {

class IndexBuilder {
 public:
  explicit IndexBuilder(ReadFacts read) : read_(std::move(read)) {}

  // Instead of the segment's beginning: goes on behind what `index` reaches.
  void go_on_from(SegmentIndex& index);

  // Lines in their order.
  void add(const SegmentLine& line);
  // Why the segment cannot have an index; empty when it can.
  const std::string& refusal() const { return refusal_; }
  // The number of the first line; 0: there was none.
  uint64_t first() const { return header_.first; }

  // Once, behind the last line. `bytes`: how far that reaches; `whole`: to the segment's end.
  std::string index_bytes(uint64_t bytes, bool whole);
  // What is open behind it, after what was open `before`.
  std::vector<OpenEntry> open_flows(const std::vector<OpenEntry>& before) const {
    return changes_.apply(before);
  }
  std::string open_table_bytes(uint64_t bytes, const std::vector<OpenEntry>& before) const;

 private:
  bool is_kept(uint64_t sequence) const;
  void pass(uint64_t sequence);
  void add_flow(const SegmentLine& line);

  const ReadFacts read_;
  LineFacts facts_;
  IndexHeader header_;
  PassedLines passed_;  // since the last kept line
  std::string kept_;
  std::vector<IndexEntry> entries_;
  std::vector<IndexStep> steps_;
  OpenChanges changes_;
  std::string refusal_;
};

}  // namespace natledger
