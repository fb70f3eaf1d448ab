// SPDX-License-Identifier: GPL-2.0-or-later
// An index read back: which lines of its segment bear on a question. It never decides; what it
// names is read in the segment.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ledger/block_file.h"
#include "ledger/block_items.h"
#include "ledger/index_format.h"

namespace natledger {

class SegmentIndex {
 public:
  // Nothing when there is none. Throws SystemError when it cannot be read or is damaged; so does
  // each function that reads more of it.
  static std::optional<SegmentIndex> open(const std::string& path);

  const IndexHeader& header() const { return header_; }
  std::vector<KeptLine> kept_lines();
  // Adds the places of ends of flows that may fit, in units of kPlaceUnit.
  void find(const IndexQuestion& question, std::vector<uint32_t>& places);
  // From where to where the line of that number begins.
  struct Region {
    uint64_t from = 0;
    uint64_t to = 0;
  };
  Region region_of(uint64_t sequence);

  // All of it, to go on with.
  std::vector<IndexEntry> entries();
  std::vector<IndexStep> steps() { return all_steps().all(); }
  // Reads every block.
  void check() { file_->check(all_steps().end_block()); }

 private:
  using Entries = BlockItems<IndexEntry, kIndexEntryBytes>;
  using Steps = BlockItems<IndexStep, kIndexStepBytes>;

  explicit SegmentIndex(std::unique_ptr<BlockFile> file);
  uint64_t kept_blocks() const { return blocks_of(kIndexHeaderBytes + header_.kept_bytes, 1); }
  Entries short_flows() { return {*file_, kept_blocks(), header_.short_entries}; }
  Entries long_flows() { return {*file_, short_flows().end_block(), header_.long_entries}; }
  Steps all_steps() { return {*file_, long_flows().end_block(), header_.steps}; }

  std::unique_ptr<BlockFile> file_;
  IndexHeader header_;
};

}  // namespace natledger
