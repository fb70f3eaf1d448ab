// SPDX-License-Identifier: GPL-2.0-or-later
// What a ledger covers: between which instants it holds everything, and why not elsewhere.
#pragma once

#include <string>
#include <vector>

#include "base/time.h"
#include "lookup/record.h"

namespace natledger {

struct CoveredSpan {
  TimePoint from;
  TimePoint to;
  bool starts = true;  // every flow that began is recorded, those open at the span's begin too
  bool ends = true;    // every end is
};

struct Hole {
  TimePoint from;
  TimePoint to;
  std::string reason;  // "overrun", "agent-down" ..., "lines-missing"
};

class Timeline {
 public:
  // Coverage records, in the order of the ledger. `before`: an instant up to which the lines before
  // it had come. `whole_from`: from that number on no line is missing.
  void add(const CoverageLine& line, TimePoint before, uint64_t whole_from);
  // A hole that no record tells of: lines are missing, or cannot be read.
  void add_missing_lines(TimePoint from, TimePoint to);
  // The ledger ends here; what it covers ends at `to`.
  void finish(TimePoint to);

  // Whether every flow that began in [from, to] is recorded; whether every end is.
  bool covers_starts(TimePoint from, TimePoint to) const;
  bool covers_ends(TimePoint from, TimePoint to) const;

  // The holes that touch [from, to].
  std::vector<Hole> holes(TimePoint from, TimePoint to) const;
  // When the record begins and ends; zero instants when it covers nothing.
  TimePoint begin() const;
  TimePoint end() const;

 private:
  void configure(const CoverageLine& line, TimePoint before);
  bool proves_open_flows(const CoverageLine& line, uint64_t whole_from) const;
  void add_proof(TimePoint at);
  void add_hole(const Hole& hole, bool goes_on);
  void close(TimePoint at);
  void open(TimePoint at);

  std::vector<CoveredSpan> spans_;
  std::vector<Hole> holes_;
  CoveredSpan current_;
  bool open_ = false;
  // Whether the flows that were open when the span began are recorded: a record has proved it.
  bool resumed_ = false;
  // Whether a coverage-resume without a number would prove that: no line is missing since the
  // start.
  bool resume_counts_ = false;
};

}  // namespace natledger
