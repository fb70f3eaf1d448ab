// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the flows that no event told of: those older than the agent, those that began in a gap.
//
// A dump of the table is compared with the live flows, but events are on their way meanwhile: an
// entry of the dump may be one whose NEW waits in the ring, or one that has ended since. So the
// unknown entries are only candidates, until all that was sent before the dump's end has been
// applied; what is still unknown then, and has not ended meanwhile, is an inferred start. Passive:
// the pipeline says when the socket was empty. Known flows that are missing from the dump are not
// looked at here.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "flow/live_flows.h"
#include "kernel/table_dump.h"

namespace natledger {

class Resync {
 public:
  explicit Resync(TableDump dump) : dump_(std::move(dump)) {}

  // Events may have been missed: compare, or compare again if a comparison is under way.
  void request(LiveFlows& live);

  // All events sent before `at` have been applied to `live`. Ends a comparison whose dump is older,
  // calling `found` with each inferred flow, its sequence not yet set, and returns true: from the
  // last request() on every flow is known. Dumps if one is due, which takes about 2 us an entry.
  bool drained(TimePoint at, LiveFlows& live, const std::function<void(Flow&)>& found);

 private:
  void take_candidates(LiveFlows& live);
  void infer_starts(LiveFlows& live, const std::function<void(Flow&)>& found);

  TableDump dump_;
  bool wanted_ = false;
  bool waiting_ = false;  // for the events sent before dumped_at_
  TimePoint dumped_at_;
  std::vector<std::byte> candidates_;  // netlink messages, one behind the other
};

}  // namespace natledger
