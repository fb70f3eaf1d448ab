// SPDX-License-Identifier: GPL-2.0-or-later
#include "ledger/segment_index.h"

#include <utility>

#include "base/error.h"

namespace natledger {

std::optional<SegmentIndex> SegmentIndex::open(const std::string& path) {
  auto file = BlockFile::open(path);
  if (file == nullptr) return {};
  return SegmentIndex{std::move(file)};
}

SegmentIndex::SegmentIndex(std::unique_ptr<BlockFile> file) : file_(std::move(file)) {
  if (!read_bytes(file_->block(0), header_)) file_->refuse("it is no index");
}

std::vector<KeptLine> SegmentIndex::kept_lines() {
  const std::string content = file_->blocks(0, kept_blocks());
  std::string_view rest = std::string_view{content}.substr(kIndexHeaderBytes, header_.kept_bytes);
  std::vector<KeptLine> lines;
  for (KeptLine line; take_bytes(rest, line);) lines.push_back(std::move(line));
  if (!rest.empty() || (lines.empty() && header_.first != 0))
    file_->refuse("its kept lines do not add up");
  return lines;
}

void SegmentIndex::find(const IndexQuestion& question, std::vector<uint32_t>& places) {
  const auto take = [&](const IndexEntry& entry) { places.push_back(entry.place); };
  const uint32_t from = seconds_down(question.from);
  const uint64_t to = uint64_t{seconds_up(question.to)} + kLongSeconds;
  if (header_.short_to >= from && header_.short_from <= to) {
    search_items(short_flows(), question, take);
  }
  if (header_.long_to >= from) search_items(long_flows(), question, take);
}

SegmentIndex::Region SegmentIndex::region_of(uint64_t sequence) {
  const Steps steps = all_steps();
  const uint64_t behind =
      steps.first_not([&](const IndexStep& step) { return step.sequence <= sequence; });
  return {behind == 0 ? 0 : steps[behind - 1].place,
          behind == steps.size() ? header_.bytes : steps[behind].place};
}

std::vector<IndexEntry> SegmentIndex::entries() {
  std::vector<IndexEntry> all = short_flows().all();
  const std::vector<IndexEntry> others = long_flows().all();
  all.insert(all.end(), others.begin(), others.end());
  return all;
}

}  // namespace natledger
