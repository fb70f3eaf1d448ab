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
  // Nothing is missing between the span before and this one: what was asked for changed, or the
  // clock was set, and then they may overlap, or time may seem to lie between them.
  bool goes_on = false;
};

struct Hole {
  TimePoint from;
  TimePoint to;
  std::string reason;        // "overrun", "agent-down" ..., "lines-missing"
  std::string gateway = {};  // whose, where several were asked
};

// A setting of the clock, and the times that it casts doubt on.
struct ClockSetting {
  TimePoint from;
  TimePoint to;
  Duration by;  // forward; negative: back
};

class Timeline {
 public:
  // Coverage records, in the order of the ledger. `before`: an instant up to which the lines before
  // it had come. `whole_from`: from that number on no line is missing.
  void add(const CoverageLine& line, uint64_t sequence, TimePoint before, uint64_t whole_from);
  // A hole that no record tells of: lines are missing, or cannot be read.
  void add_missing_lines(TimePoint from, TimePoint to);
  // The ledger ends here; what it covers ends at `to`.
  void finish(TimePoint to);

  // Whether every flow that began in [from, to] is recorded; whether every end is.
  bool covers_starts(TimePoint from, TimePoint to) const;
  bool covers_ends(TimePoint from, TimePoint to) const;

  // Whether at `at` or later the run of the agent that told of a flow, in the line `told`, compared
  // all that it knew with the kernel's table, so that a flow without an end was still there. No
  // line may be missing in between: it may have been the end.
  bool compared_since(uint64_t told, TimePoint at) const;
  // The last such comparison before `at`; the zero instant when there is none.
  TimePoint compared_before(uint64_t told, TimePoint at) const;

  // The holes that touch [from, to].
  std::vector<Hole> holes(TimePoint from, TimePoint to) const;
  // The settings of the clock that make times of [from, to] doubtful.
  std::vector<ClockSetting> clock_settings(TimePoint from, TimePoint to) const;
  // When the record begins and ends; zero instants when it covers nothing.
  TimePoint begin() const;
  TimePoint end() const;

 private:
  // Of the flows that lines in [from, to] told of.
  struct Comparison {
    TimePoint at;
    uint64_t from;
    uint64_t to;

    bool is_of(uint64_t told) const { return from <= told && told <= to; }
  };

  void configure(const CoverageLine& line, uint64_t sequence);
  bool proves_open_flows(const CoverageLine& line, uint64_t whole_from) const;
  void add_proof(TimePoint at);
  void set_clock(const CoverageLine& line);
  void add_hole(const Hole& hole, bool goes_on);
  void close(TimePoint at);
  void open(TimePoint at);
  void go_on(TimePoint to, TimePoint from);

  std::vector<CoveredSpan> spans_;
  std::vector<Hole> holes_;
  std::vector<Comparison> comparisons_;
  uint64_t compared_from_ = 0;  // flows that were told of before are not compared
  bool knows_all_ = false;      // every flow of this run is known to it, so a comparison is of all
  std::vector<ClockSetting> clock_settings_;
  CoveredSpan current_;
  bool open_ = false;
  // Whether the flows that were open when the span began are recorded: a record has proved it.
  bool resumed_ = false;
  // Whether a coverage-resume without a number would prove that: no line is missing since the
  // start.
  bool resume_counts_ = false;
};

}  // namespace natledger
