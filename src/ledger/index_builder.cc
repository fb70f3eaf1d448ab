// SPDX-License-Identifier: GPL-2.0-or-later
#include "ledger/index_builder.h"

#include <algorithm>

namespace natledger {

using Kind = LineFacts::Kind;

void IndexBuilder::go_on_from(SegmentIndex& index) {
  header_ = index.header();
  passed_ = header_.rest;
  for (const KeptLine& line : index.kept_lines()) append_bytes(kept_, line);
  entries_ = index.entries();
  steps_ = index.steps();
}

void IndexBuilder::add(const SegmentLine& line) {
  if (line.place >= kMostPlaced) refusal_ = "it is too long";
  read_(line.text, line.sequence, facts_);
  if (is_kept(line.sequence)) {
    append_bytes(kept_, {passed_, line.sequence, std::string{line.text}});
    passed_ = {};
  } else {
    pass(line.sequence);
  }
  if (facts_.kind == Kind::kFlow || facts_.kind == Kind::kFlowEnd) add_flow(line);
  if (steps_.empty() || line.place >= steps_.back().place + kStepBytes) {
    steps_.push_back({line.sequence, line.place});
  }
  if (header_.first == 0) header_.first = line.sequence;
  header_.last = line.sequence;
}

// Behind numbers that are missing too, since how long the hole is depends on this line.
bool IndexBuilder::is_kept(uint64_t sequence) const {
  return facts_.kind == Kind::kKept || header_.first == 0 || sequence != header_.last + 1;
}

void IndexBuilder::pass(uint64_t sequence) {
  passed_.last = sequence;
  if (facts_.kind == Kind::kTimeless) return;
  passed_.last_time = facts_.at;
  if (facts_.kind == Kind::kTime) passed_.reached = std::max(passed_.reached, facts_.at);
}

void IndexBuilder::add_flow(const SegmentLine& line) {
  if (facts_.flow == 0) {
    refusal_ = "line " + std::to_string(line.sequence) + " does not say of which flow it is";
    return;
  }
  const uint32_t start = facts_.start.known() ? seconds_down(facts_.start) : 0;
  if (facts_.kind == Kind::kFlowEnd) {
    changes_.end(facts_.flow);
    const uint32_t end = seconds_up(facts_.end);
    const auto place = static_cast<uint32_t>(line.place / kPlaceUnit);
    for (const PublicEnd& e : facts_.ends) {
      entries_.push_back({index_key(e.seen, e.id_unknown, facts_.protocol), address_hash(e.remote),
                          start, end, place});
    }
    return;
  }
  const std::vector<OpenEntry>* before = changes_.find(facts_.flow);
  std::vector<OpenEntry> ends;
  ends.reserve(facts_.ends.size());
  for (const PublicEnd& e : facts_.ends) {
    ends.push_back({index_key(e.seen, e.id_unknown, facts_.protocol), address_hash(e.remote),
                    start == 0 && before != nullptr ? before->front().start : start, facts_.flow,
                    line.sequence});
  }
  changes_.flow(facts_.flow, std::move(ends));
}

std::string IndexBuilder::index_bytes(uint64_t bytes, bool whole) {
  std::sort(entries_.begin(), entries_.end(), [](const IndexEntry& a, const IndexEntry& b) {
    return std::pair{a.is_long(), a.order()} < std::pair{b.is_long(), b.order()};
  });
  IndexHeader header = header_;
  header.bytes = bytes;
  header.whole = whole;
  header.rest = passed_;
  header.kept_bytes = kept_.size();
  header.steps = steps_.size();
  header.short_entries = header.long_entries = 0;
  std::string short_items, long_items, steps;
  for (const IndexEntry& entry : entries_) {
    append_bytes(entry.is_long() ? long_items : short_items, entry);
    ++(entry.is_long() ? header.long_entries : header.short_entries);
    if (entry.is_long()) {
      header.long_to = std::max(header.long_to, entry.end);
    } else {
      header.short_from = std::min(header.short_from, entry.end);
      header.short_to = std::max(header.short_to, entry.end);
    }
  }
  for (const IndexStep& step : steps_) append_bytes(steps, step);
  std::string head, file;
  append_bytes(head, header);
  append_blocks(file, head + kept_, 1);
  append_blocks(file, short_items, kIndexEntryBytes);
  append_blocks(file, long_items, kIndexEntryBytes);
  append_blocks(file, steps, kIndexStepBytes);
  return file;
}

std::string IndexBuilder::open_table_bytes(uint64_t bytes,
                                           const std::vector<OpenEntry>& before) const {
  return natledger::open_table_bytes({header_.first, header_.last, bytes, 0},
                                     changes_.apply(before));
}

}  // namespace natledger
