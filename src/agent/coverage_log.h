// SPDX-License-Identifier: GPL-2.0-or-later
// Writes into the ledger what the ledger covers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

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
  void start(TimePoint at, uint32_t events, const StartFacts& facts);
  void sealed(TimePoint at, const SegmentSeal& seal);
  // What begins a segment: the seal of the one before, and again what is recorded, since that one
  // may be removed. `open_from`: the first record of the oldest flow that is open.
  void rotated(TimePoint at, const Rotation& rotation, uint64_t open_from);
  void skipped(TimePoint at, uint64_t from, uint64_t to);
  // `dropped` 0: unknown how many.
  void gap(TimePoint from, TimePoint to, const std::string& reason, uint64_t dropped = 0);
  // Since the last start or gap the flows that were open then have been recorded too. `open_from`
  // as above; 0 where nobody knows.
  void resume(TimePoint at, uint64_t open_from);
  void stop(TimePoint at, const Stats& stats);

  uint64_t lines() const { return lines_; }

 private:
  void write(CoverageRecord record);

  RecordSink& sink_;
  const std::string observer_;
  CoverageRecord config_;  // what was said at the start; no action: nothing yet
  bool resumed_ = false;   // the flows that are open are all recorded
  uint64_t lines_ = 0;
};

}  // namespace natledger
