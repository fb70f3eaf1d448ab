// SPDX-License-Identifier: GPL-2.0-or-later
#include "ledger/open_table.h"

#include <algorithm>
#include <utility>

namespace natledger {

std::optional<OpenTable> OpenTable::open(const std::string& path) {
  auto file = BlockFile::open(path);
  if (file == nullptr) return {};
  return OpenTable{std::move(file)};
}

OpenTable::OpenTable(std::unique_ptr<BlockFile> file) : file_(std::move(file)) {
  if (!read_bytes(file_->block(0), header_)) file_->refuse("it is no table of open flows");
}

void OpenTable::find(const IndexQuestion& question, std::vector<uint64_t>& sequences) {
  search_items(items(), question, [&](const OpenEntry& entry) {
    sequences.push_back(entry.first);
    sequences.push_back(entry.latest);
  });
}

const std::vector<OpenEntry>* OpenChanges::find(uint64_t first) const {
  const auto found = begun_.find(first);
  return found == begun_.end() ? nullptr : &found->second;
}

void OpenChanges::end(uint64_t first) {
  begun_.erase(first);
  ended_.insert(first);
}

std::vector<OpenEntry> OpenChanges::apply(const std::vector<OpenEntry>& before) const {
  std::vector<OpenEntry> after;
  std::unordered_map<uint64_t, uint32_t> starts;  // of flows that have a later line
  for (const OpenEntry& entry : before) {
    if (begun_.count(entry.first) != 0) {
      starts[entry.first] = entry.start;
    } else if (ended_.count(entry.first) == 0) {
      after.push_back(entry);
    }
  }
  for (const auto& [first, ends] : begun_) {
    const auto start = starts.find(first);
    for (OpenEntry entry : ends) {
      if (entry.start == 0 && start != starts.end()) entry.start = start->second;
      after.push_back(entry);
    }
  }
  std::sort(after.begin(), after.end(),
            [](const OpenEntry& a, const OpenEntry& b) { return a.order() < b.order(); });
  return after;
}

std::string open_table_bytes(OpenHeader header, const std::vector<OpenEntry>& entries) {
  header.entries = entries.size();
  std::string head, items, file;
  append_bytes(head, header);
  for (const OpenEntry& entry : entries) append_bytes(items, entry);
  append_blocks(file, head, 1);
  append_blocks(file, items, kOpenEntryBytes);
  return file;
}

}  // namespace natledger
