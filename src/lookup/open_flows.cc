// SPDX-License-Identifier: GPL-2.0-or-later
#include "lookup/open_flows.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/error.h"
#include "ledger/indexed_ledger.h"
#include "lookup/line_facts.h"

namespace natledger {

namespace {

class OpenFlows {
 public:
  explicit OpenFlows(const std::string& directory) : ledger_(directory) {
    if (!ledger_.find_table()) return;
    auto& table = ledger_.table();
    if (!table) return;
    from_ = ledger_.newest();
    listed_to_ = table->header().last;
    for (const OpenEntry& entry : table->entries()) latest_[entry.first] = entry.latest;
  }

  void visit(const std::function<void(const FlowDetails&)>& visit) {
    follow_rest();
    std::vector<uint64_t> listed;
    std::unordered_set<uint64_t> behind;
    for (const auto& [first, latest] : latest_) {
      if (latest > listed_to_) {
        behind.insert(latest);
      } else {
        listed.push_back(latest);
      }
    }
    std::sort(listed.begin(), listed.end());
    tell_listed(listed, visit);
    if (behind.empty()) return;
    read_rest([&](const SegmentLine& line) {
      if (behind.contains(line.sequence)) tell(line.text, visit);
    });
  }

 private:
  static void tell(std::string_view line, const std::function<void(const FlowDetails&)>& visit) {
    if (const auto details = parse_details(line)) visit(*details);
  }

  // By the index, or where many of a segment's lines are wanted, by reading all of it.
  void tell_listed(const std::vector<uint64_t>& listed,
                   const std::function<void(const FlowDetails&)>& visit) {
    constexpr ptrdiff_t kMany = 100;
    auto from = listed.begin();
    for (size_t i = 0; i <= from_ && from != listed.end(); ++i) {
      const bool last = i == from_;
      const auto to = last
                          ? listed.end()
                          : std::lower_bound(from, listed.end(), ledger_.segments()[i + 1].first());
      if (to - from < kMany) {
        for (; from != to; ++from) tell(ledger_.line_of(*from), visit);
        continue;
      }
      ledger_.read_all(i, [&](const SegmentLine& line) {
        while (from != to && *from < line.sequence) ++from;
        if (from != to && *from == line.sequence) tell(line.text, visit);
      });
      from = to;
    }
  }

  void follow_rest() {
    LineFacts facts;
    read_rest([&](const SegmentLine& line) {
      read_line_facts(line.text, line.sequence, facts);
      if (facts.flow == 0) return;
      if (facts.kind == LineFacts::Kind::kFlow) latest_[facts.flow] = line.sequence;
      if (facts.kind == LineFacts::Kind::kFlowEnd) latest_.erase(facts.flow);
    });
  }

  void read_rest(const std::function<void(const SegmentLine&)>& visit) {
    for (size_t i = from_; i < ledger_.segments().size(); ++i) {
      if (!ledger_.read_rest(i, visit)) {
        throw SystemError(
            "read the lines behind a table of open flows: their segment was archived "
            "meanwhile");
      }
    }
  }

  IndexedLedger ledger_;
  size_t from_ = 0;         // the segment that has the first line behind the table
  uint64_t listed_to_ = 0;  // the number of the last line before it
  std::unordered_map<uint64_t, uint64_t> latest_;  // line of each open flow, by the first
};

}  // namespace

void visit_open_flows(const std::string& directory,
                      const std::function<void(const FlowDetails&)>& visit) {
  OpenFlows{directory}.visit(visit);
}

}  // namespace natledger
