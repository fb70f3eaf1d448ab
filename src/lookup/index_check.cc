// SPDX-License-Identifier: GPL-2.0-or-later
#include "lookup/index_check.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "lookup/line_facts.h"

namespace natledger {

namespace {

// The first block in which two files differ.
uint64_t first_difference(std::string_view a, std::string_view b) {
  uint64_t block = 0;
  while (a.substr(0, kBlockBytes) == b.substr(0, kBlockBytes)) {
    a.remove_prefix(std::min(a.size(), kBlockBytes));
    b.remove_prefix(std::min(b.size(), kBlockBytes));
    ++block;
  }
  return block;
}

// A file that should be `due`.
void compare(const std::string& path, std::string_view due, std::vector<Damage>& damages) {
  const std::optional<std::string> found = read_file(path);
  if (!found || *found == due) return;
  const uint64_t block = first_difference(*found, due);
  const std::string_view there = std::string_view{*found}.substr(
      std::min<uint64_t>(found->size(), block * kBlockBytes), kBlockBytes);
  damages.push_back({path, block * kBlockBytes,
                     "block " + std::to_string(block) +
                         (is_good_block(there) ? " does not say what the segment says"
                                               : " is damaged or missing")});
}

}  // namespace

void IndexCheck::begin_segment(std::string directory) {
  directory_ = std::move(directory);
  builder_ = std::make_unique<IndexBuilder>(read_line_facts);
  index_.reset();
  looked_ = false;
  unreadable_.clear();
}

void IndexCheck::open_index(uint64_t first) {
  looked_ = true;
  try {
    index_ = SegmentIndex::open(index_path(directory_, first));
  } catch (const SystemError& damage) {
    unreadable_ = damage.what();
  }
}

void IndexCheck::add(const SegmentLine& line) {
  if (!looked_) open_index(line.sequence);
  if (oldest_ == 0) oldest_ = line.sequence;
  // That of the active segment reaches only so far.
  const bool beyond = index_ && !index_->header().whole && line.place >= index_->header().bytes;
  if (!beyond) builder_->add(line);
}

void IndexCheck::end_segment(uint64_t first, std::vector<Damage>& damages) {
  if (!looked_ && first != 0) open_index(first);
  const uint64_t named = first != 0 ? first : builder_->first();
  if (!unreadable_.empty()) damages.push_back({index_path(directory_, named), 0, unreadable_});
  if (index_) {
    ++indexes_;
    const IndexHeader& header = index_->header();
    compare(index_path(directory_, named), builder_->index_bytes(header.bytes, header.whole),
            damages);
    check_table(named, header.bytes, damages);
    tables_known_ &= header.whole;
  }
  open_ = builder_->open_flows(open_);
}

// Flows that began in segments which retention has taken may be in it.
void IndexCheck::check_table(uint64_t first, uint64_t bytes, std::vector<Damage>& damages) {
  const std::string path = open_table_path(directory_, first);
  std::vector<OpenEntry> before = open_;
  try {
    auto table = OpenTable::open(path);
    if (!table || table->header().bytes != bytes) return;  // an older one, of no use any more
    for (const OpenEntry& entry : table->entries()) {
      if (entry.first < oldest_) before.push_back(entry);
    }
  } catch (const SystemError& damage) {
    damages.push_back({path, 0, damage.what()});
    return;
  }
  if (!tables_known_) return;
  compare(path, builder_->open_table_bytes(bytes, before), damages);
}

}  // namespace natledger
