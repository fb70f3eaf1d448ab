// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the flows that no event told of: those older than the agent, those that began in a gap.
//
// A dump of the table is compared with the live flows, but events are on their way meanwhile: an
// entry of the dump may be one whose NEW waits in the ring, or one that has ended since. An entry
// that the kernel says is older than what has been applied is an inferred start at once; an end
// that waits in the ring follows it there. The other unknown ones are only candidates, until all
// that was sent before the dump's end has been applied; what is still unknown then, and has not
// ended meanwhile, is an inferred start. Passive: the pipeline says when the socket was empty.
// Known flows that are missing from the dump are not looked at here.
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
  // Called with each inferred flow, its sequence not yet set.
  using FoundFlow = std::function<void(Flow&)>;

  Resync(TableDump dump, BucketCount buckets)
      : dump_(std::move(dump)), buckets_(std::move(buckets)) {}

  // Events may have been missed: compare, or compare again if a comparison is under way.
  void request(LiveFlows& live);

  // The clock was set: instants from before it say nothing any more.
  void clock_was_set(LiveFlows& live);

  // All events sent before `at` have been applied to `live`. Ends a comparison whose dump is older
  // and returns true: from the last request() on every flow is known. Dumps if one is due, which
  // takes about 2 us an entry.
  bool drained(TimePoint at, LiveFlows& live, const FoundFlow& found);

 private:
  bool dump_unresized(const MessageVisit& take);
  bool take_entries(TimePoint at, LiveFlows& live, const FoundFlow& found);
  void add_candidate(std::span<const std::byte> message);
  void infer_starts(LiveFlows& live, const FoundFlow& found);

  TableDump dump_;
  BucketCount buckets_;
  bool wanted_ = false;
  bool waiting_ = false;  // for the events sent before dumped_at_
  TimePoint dumped_at_;
  // Netlink messages, one behind the other, in pieces that are given back one by one: a million are
  // 300 MB.
  std::vector<std::vector<std::byte>> candidates_;
};

}  // namespace natledger
