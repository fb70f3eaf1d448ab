// SPDX-License-Identifier: GPL-2.0-or-later
// The flows that were open behind a segment's last line, by their public ends.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "ledger/block_file.h"
#include "ledger/block_items.h"
#include "ledger/index_format.h"

namespace natledger {

class OpenTable {
 public:
  // Nothing when there is none. Throws SystemError when it cannot be read or is damaged; so does
  // each function that reads more of it.
  static std::optional<OpenTable> open(const std::string& path);

  const OpenHeader& header() const { return header_; }
  // Adds the numbers of the first and the latest line of flows that may fit and had not begun after
  // question.to.
  void find(const IndexQuestion& question, std::vector<uint64_t>& sequences);
  std::vector<OpenEntry> entries() { return items().all(); }
  // Reads every block.
  void check() { file_->check(items().end_block()); }

 private:
  explicit OpenTable(std::unique_ptr<BlockFile> file);
  BlockItems<OpenEntry, kOpenEntryBytes> items() {
    return {*file_, blocks_of(kOpenHeaderBytes, 1), header_.entries};
  }

  std::unique_ptr<BlockFile> file_;
  OpenHeader header_;
};

// What the lines of a segment change in it.
class OpenChanges {
 public:
  void flow(uint64_t first, std::vector<OpenEntry> ends) { begun_[first] = std::move(ends); }
  // Its latest line so far.
  const std::vector<OpenEntry>* find(uint64_t first) const;
  void end(uint64_t first);

  // The table after them, sorted.
  std::vector<OpenEntry> apply(const std::vector<OpenEntry>& before) const;

 private:
  std::unordered_map<uint64_t, std::vector<OpenEntry>> begun_;
  std::unordered_set<uint64_t> ended_;
};

// The bytes of a table; `header.entries` is set here.
std::string open_table_bytes(OpenHeader header, const std::vector<OpenEntry>& entries);

}  // namespace natledger
