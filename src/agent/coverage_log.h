// SPDX-License-Identifier: GPL-2.0-or-later
// Writes into the ledger what the ledger covers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/clock_watch.h"
#include "agent/stats.h"
#include "encode/coverage.h"
#include "kernel/start_facts.h"
#include "ledger/ledger.h"
#include "ledger/record_sink.h"

namespace natledger {

class CoverageLog {
 public:
  // `sink` outlives this.
  CoverageLog(RecordSink& sink, std::string observer);

  // What the ledger found when it was opened, as far as a reader must know it.
  void opening(const Ledger& ledger, TimePoint at);
  // What is recorded from `at` on.
  // `carried_over`: how many flows that the run before left open are known; nothing where that is
  // not known.
  void start(TimePoint at, uint32_t events, const StartFacts& facts,
             std::optional<uint64_t> carried_over = {});
  // A reload: the same of a run that goes on, under that name.
  void config(TimePoint at, std::string observer, uint32_t events, const StartFacts& facts);
  void sealed(TimePoint at, const SegmentSeal& seal);
  // What begins a segment: the seal of the one before, and again what is recorded, since that one
  // may be removed. `open_from`: the first record of the oldest flow that is open.
  void rotated(TimePoint at, const Rotation& rotation, uint64_t open_from);
  void skipped(TimePoint at, uint64_t from, uint64_t to);
  // `dropped` 0: unknown how many.
  void gap(TimePoint from, TimePoint to, const std::string& reason, uint64_t dropped = 0);
  // A comparison with the kernel's table, begun at `from`, is done at `at`: the flows that were
  // open then are recorded, and those that no longer were have their ends. `open_from` as above; 0
  // where nobody knows.
  void resume(TimePoint from, TimePoint at, uint64_t open_from);
  // All up to `at` is recorded, or said to be missing.
  void heartbeat(TimePoint at, const Stats& stats, size_t live_flows, const ClockState& clock);
  // Noticed by `at`.
  void clock_step(TimePoint at, const ClockStep& step);
  void stop(TimePoint at, const Stats& stats);

  uint64_t lines() const { return lines_; }

 private:
  void tell_what_is_recorded(CoverageRecord record, uint32_t events, const StartFacts& facts);
  void tell_clock(CoverageRecord& record, const ClockState& clock);
  void write(CoverageRecord record);

  RecordSink& sink_;
  std::string observer_;
  // When the clock was last synchronised; if it never was, when the run began.
  TimePoint clock_right_at_;
  CoverageRecord config_;  // what was said last of what is recorded; no action: nothing yet
  uint32_t events_ = 0;
  bool resumed_ = false;  // the flows that are open are all recorded
  uint64_t lines_ = 0;
};

}  // namespace natledger
