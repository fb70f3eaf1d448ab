// SPDX-License-Identifier: GPL-2.0-or-later
// Finds what no event told: flows older than the agent, flows that began or ended in a gap, and
// those that a ruleset silences.
//
// A dump of the table is compared with the live flows, but events are on their way meanwhile: an
// entry of the dump may be one whose NEW waits in the ring, or one that has ended since, and a flow
// that is missing from it may have an end that is on its way, or have been passed over. So:
//
//   1. From now on each event marks its flow as seen. Dump; the entries mark theirs.
//   2. An unknown entry that the kernel says is older than what has been applied is an inferred
//      start at once. The other unknown ones are candidates, until all that was sent before the
//      dump's end has been applied: what is still unknown then, and has not ended meanwhile, is an
//      inferred start.
//   3. What is known and was not seen by then is asked for, one by one. What the table has is seen.
//   4. When all that was sent before the last answer has been applied, what is still not seen has
//      an inferred end.
//
// A loss in between begins it all anew. Passive: the pipeline says when the socket was empty.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "flow/live_flows.h"
#include "kernel/conntrack_table.h"
#include "kernel/event_socket.h"

namespace natledger {

// The kernel's table, or another one in tests.
struct ConntrackTable {
  TableDump dump;
  TableQuery query;
  BucketCount buckets;
  // Of the socket that the events come from: each event that was sent before this call stands
  // before any mark of the epoch that it returns.
  std::function<uint64_t()> begin_epoch;
};
ConntrackTable kernel_table(EventSocket& socket);

// Where the pipeline is: all events that were sent before have been applied.
struct Drained {
  TimePoint at;
  uint64_t epoch = 0;
};

class Resync {
 public:
  // What the pipeline does with an entry that tells of a flow not known, and with an inferred end;
  // their sequences are not yet set.
  struct Findings {
    LiveFlows::FlowVisit start;
    LiveFlows::FlowVisit end;
  };

  // Without a request the table is looked at every `period` (0: never).
  Resync(ConntrackTable table, Duration period) : table_(std::move(table)), period_(period) {}

  void set_period(Duration period) { period_ = period; }

  // Events may have been missed: compare, or compare again if a comparison is under way.
  void request(LiveFlows& live);

  // The clock was set: instants from before it say nothing any more.
  void clock_was_set();

  // Does what is due, a dump at 2 us an entry among it. When a comparison ends, the instant at
  // which it began: what was open then is known, and what is known was open then.
  std::optional<TimePoint> drained(const Drained& drained, LiveFlows& live,
                                   const Findings& findings);

 private:
  enum class Phase : uint8_t {
    kIdle,
    kDumped,  // waits for the events that were sent before its end
    kAsked,   // the same, after the query
  };

  void begin(TimePoint at, LiveFlows& live, const Findings& findings);
  void abandon(LiveFlows& live);
  TimePoint finish(TimePoint at, LiveFlows& live);
  bool dump_unresized(const MessageVisit& take);
  bool take_entries(TimePoint at, LiveFlows& live, const Findings& findings);
  void end_look();
  bool ask_for_unseen(LiveFlows& live, bool& asked);
  void add_candidate(std::span<const std::byte> message);
  void infer_starts(LiveFlows& live, const Findings& findings);

  const ConntrackTable table_;
  Duration period_;
  Phase phase_ = Phase::kIdle;
  bool requested_ = false;  // and not made good for yet
  Duration rest_{};         // after the last look, before the next
  TimePoint began_at_;
  TimePoint looked_at_;      // the end of the last dump or query
  uint64_t look_epoch_ = 0;  // begun then
  TimePoint whole_at_;       // the end of the last comparison
  // Netlink messages, one behind the other, in pieces that are given back one by one: a million are
  // 300 MB.
  std::vector<std::vector<std::byte>> candidates_;
};

}  // namespace natledger
