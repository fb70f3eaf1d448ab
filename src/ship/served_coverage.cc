// SPDX-License-Identifier: GPL-2.0-or-later
// Numbers are counted first and lines read afterwards, so that what arrives meanwhile cannot hide:
// a line that was counted is found, one that was not is behind the end, or in a hole.
#include "ship/served_coverage.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <span>

#include "ledger/line.h"
#include "ship/parts.h"
#include "ship/query.h"

namespace natledger {

namespace {

// To find what is missing; beyond that more is taken for missing than is.
constexpr unsigned kMostRequests = 300;
constexpr size_t kMostHoles = 5000;
constexpr unsigned kMostHeartbeats = 300;
constexpr size_t kNumbersAtOnce = 3000;
// Of lines in a row, those that have no time of their own: a seal, and what was skipped.
constexpr unsigned kTimeless = 2;

bool is_timeless(std::string_view line) {
  const std::string_view action = text_in(line, "\"event.action\":");
  return action == "segment-sealed" || action == "sequence-skipped";
}

class Reader {
 public:
  Reader(RecordSearch& search, const std::string& ledger) : search_(search), ledger_(ledger) {}

  ServedCoverage read() {
    ServedCoverage coverage;
    coverage.indices = search_.count_numbers(ledger_);
    find_numbers(coverage.indices);
    if (runs_.empty()) return coverage;
    coverage.first = runs_.front().first;
    read_lines();
    read_edges();
    uint64_t before = 0;
    for (auto& [number, line] : lines_) {
      coverage.kept.push_back({passed(before, number), number, std::move(line)});
      before = number;
    }
    coverage.rest = passed(before, runs_.back().second + 1);
    return coverage;
  }

 private:
  std::string state(const std::string& more) const {
    return all_of({ledger_, equals("event.kind", "state"), more});
  }

  void find_numbers(const std::vector<NumberCount>& indices) {
    search_.visit(state(equals("event.action", "sequence-skipped")), [&](const ServedRecord& r) {
      const uint64_t from = number_in(r.line, "\"coverage.from_sequence\":");
      const uint64_t to = number_in(r.line, "\"coverage.to_sequence\":");
      if (from != 0 && from <= to && to < r.sequence) skipped_.emplace_back(from, to);
      return true;
    });
    skipped_ = merged(std::move(skipped_));
    const NumberSource source{
        [&](const std::string& index, const NumberRanges& runs) {
          auto counts = search_.count_numbers(all_of({ledger_, equals("_index", index)}), runs);
          for (NumberCount& count : counts) count.index = index;
          return counts;
        },
        [&](const std::string& index, uint64_t first, uint64_t last) {
          return search_.numbers(
              all_of({ledger_, equals("_index", index), compares("event.sequence", "gte", first),
                      compares("event.sequence", "lte", last)}));
        }};
    runs_ = find_runs(indices, skipped_, source, kMostRequests);
    told_ = runs_;
    std::ranges::copy(skipped_, std::back_inserter(told_));
    told_ = merged(std::move(told_));
    // Of so many holes one is made, that holds them all.
    if (told_.size() > kMostHoles) told_ = runs_ = {runs_.front(), runs_.back()};
  }

  void read_lines() {
    const std::string quiet = none_of(
        {is_one_of("event.action", std::vector<std::string>{"heartbeat", "segment-sealed"})});
    const std::string known = compares("event.sequence", "lte", runs_.back().second);
    search_.visit(state(all_of({quiet, known})), [&](const ServedRecord& record) {
      lines_.emplace(record.sequence, record.line);
      return true;
    });
  }

  // Where time counts that lines between do not tell: at the begin of a run of the agent, at a
  // hole, at the end.
  void read_edges() {
    std::vector<uint64_t> wanted;
    for (const auto& [number, line] : lines_) {
      if (text_in(line, "\"event.action\":") == "coverage-start") edges_.push_back(number);
    }
    for (size_t i = 1; i < told_.size(); ++i) {
      const auto behind =
          std::ranges::lower_bound(runs_, told_[i].first, {}, &NumberRanges::value_type::first);
      if (behind == runs_.end()) break;
      holes_.push_back(behind->first);
      wanted.push_back(behind->first);
    }
    std::ranges::copy(holes_, std::back_inserter(edges_));
    edges_.push_back(runs_.back().second + 1);
    holes_.push_back(edges_.back());
    for (const uint64_t edge : edges_) {
      uint64_t number = edge;
      for (unsigned i = 0; i <= kTimeless; ++i) {
        number = number_before(runs_, number);
        if (number == 0) break;
        wanted.push_back(number);
      }
    }
    fetch(wanted);
    for (const uint64_t hole : holes_) {
      if (const auto line = fetched_.find(hole); line != fetched_.end()) lines_.insert(*line);
    }
  }

  void fetch(const std::vector<uint64_t>& numbers) {
    using Numbers = std::span<const uint64_t>;
    by_parts(Numbers{numbers}, kNumbersAtOnce, [&](Numbers some) {
      search_.visit(all_of({ledger_, is_one_of("event.sequence", some)}),
                    [&](const ServedRecord& record) {
                      fetched_.emplace(record.sequence, record.line);
                      return true;
                    });
    });
  }

  // What counts of the lines behind `from` and before `to`.
  PassedLines passed(uint64_t from, uint64_t to) {
    PassedLines lines;
    uint64_t number = number_before(runs_, to);
    if (number <= from) return lines;
    lines.last = number;
    for (unsigned i = 0; i <= kTimeless && number > from; ++i) {
      const auto line = fetched_.find(number);
      if (line == fetched_.end()) break;
      if (!is_timeless(line->second)) {
        lines.last_time = time_of(line->second);
        break;
      }
      number = number_before(runs_, number);
    }
    if (!std::ranges::binary_search(holes_, to)) return lines;
    if (to <= runs_.back().second && ++heartbeats_ > kMostHeartbeats) return lines;
    const auto heartbeat = search_.last(
        state(all_of({equals("event.action", "heartbeat"), compares("event.sequence", "lt", to)})));
    if (heartbeat) lines.reached = time_of(heartbeat->line);
    return lines;
  }

  RecordSearch& search_;
  const std::string ledger_;
  NumberRanges skipped_;
  NumberRanges runs_;
  NumberRanges told_;                        // with what was skipped
  std::map<uint64_t, std::string> lines_;    // that are kept
  std::map<uint64_t, std::string> fetched_;  // near an edge
  std::vector<uint64_t> edges_;              // numbers before which time counts
  std::vector<uint64_t> holes_;              // of these, behind a hole or the end; in order
  unsigned heartbeats_ = 0;
};

}  // namespace

ServedCoverage read_coverage(RecordSearch& search, const std::string& ledger) {
  return Reader{search, ledger}.read();
}

}  // namespace natledger
