// SPDX-License-Identifier: GPL-2.0-or-later
// The way of one event: decode, track, enrich, encode, append.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "agent/coverage_log.h"
#include "agent/orders.h"
#include "agent/own_traffic.h"
#include "agent/resync.h"
#include "agent/stats.h"
#include "base/log.h"
#include "decode/decoder.h"
#include "encode/encoder.h"
#include "enrich/enricher.h"
#include "flow/live_flows.h"
#include "kernel/event_ring.h"
#include "ledger/record_sink.h"

namespace natledger {

struct PipelineParts {
  RecordSink& sink;  // outlives the pipeline
  std::unique_ptr<Encoder> encoder;
  std::vector<std::unique_ptr<Enricher>> enrichers;
  uint32_t events;  // ulogd2's event_mask bits; others are counted and passed over
  // A line for each event and no other, as ulogd2 has it: what is concluded is none, and what is
  // told again is.
  bool as_told = false;
  size_t max_flows;
  // Writes coverage records; null where the sink takes flows alone. Outlives the pipeline.
  CoverageLog* coverage = nullptr;
  // Called when the sink cannot write, with the cause; returns whether to try again. Waits itself.
  std::function<bool(int cause)> wait_for_sink;
  Duration heartbeat{};  // zero: none
  // Whether the kernel sends events now, looked at with each heartbeat; null: it does.
  std::function<bool()> sends_events = {};
  // Null where nobody gives any. Outlives the pipeline.
  Orders* orders = nullptr;
  // Knows flows that are not to be recorded, since they carry the record; null: there are none.
  // Outlives the pipeline.
  OwnTraffic* own_traffic = nullptr;
};

class Pipeline {
 public:
  explicit Pipeline(PipelineParts parts);

  // Before begin(): a flow that the run before left open, and once, behind the last, when the
  // record of that run ends, and the encoder that knows their ids.
  void restore(Flow& flow) { live_flows_.restore(flow); }
  void go_on_from(TimePoint covered_to, std::unique_ptr<Encoder> encoder);
  // They have all gone by then: the machine has booted since.
  void end_all(TimePoint not_after);

  // The record is whole from `whole_from` on. `resync`, unless null, looks for the flows that no
  // event tells of, now and after each loss; it outlives the pipeline.
  void begin(TimePoint whole_from, Resync* resync);

  // Takes all that is in the ring now. False once the end of it was seen. Throws SystemError when
  // the sink is given up.
  bool drain(EventRing& ring);
  void flush();

  // The last instant up to which everything is in the sink, or said to be missing.
  TimePoint whole_to() const { return drained_at_; }
  const LiveFlows& live_flows() const { return live_flows_; }
  Stats stats() const;

 private:
  // A way to lose events.
  struct Loss {
    const char* reason;  // as the gap says it
    const char* remedy;
    LogThrottle throttle = {};
  };

  void handle_datagram(const RingEntry& entry);
  void handle(std::span<const std::byte> message, TimePoint at);
  void handle_mark(const RingEntry& entry);
  void handle_drained(TimePoint at, uint64_t epoch);
  void follow_orders(TimePoint at, uint64_t epoch);
  void reconfigure(Reconfiguration& wanted, TimePoint at);
  void beat(TimePoint at);
  void check_room(TimePoint at);
  void check_events(TimePoint at);
  void compare(TimePoint at, uint64_t epoch);
  void handle_inferred_start(Flow& flow);
  void handle_inferred_end(Flow& flow);
  Tracked track();
  bool is_own(const Flow& flow) const {
    return parts_.own_traffic != nullptr && parts_.own_traffic->has(flow, clock_);
  }
  bool records(Event event) const { return (parts_.events & static_cast<uint32_t>(event)) != 0; }
  void append(Flow& flow);
  void write_kept();
  void rotate();
  void add_gap(const std::string& reason, TimePoint from, TimePoint at, uint64_t events);
  void missed(Loss& loss, TimePoint from, TimePoint at, uint64_t dropped);
  void malformed(Decoded why, TimePoint at);

  PipelineParts parts_;
  LiveFlows live_flows_;
  Flow flow_;
  Stats stats_;
  Resync* resync_ = nullptr;
  uint64_t malformed_since_drained_ = 0;
  Loss overrun_{"overrun", "raise source.receive_buffer"};
  Loss too_slow_{"reader-too-slow", "the ring was full: see to the disk, or raise source.ring"};
  Loss oversize_{"oversize", "a capture must hold whole packets; if the kernel sent it, report it"};
  Loss off_{"events-off", "sysctl -w net.netfilter.nf_conntrack_events=1"};
  bool is_off_ = false;    // at the last look the kernel sent none
  bool unsynced_ = false;  // a gap was said for lines that the disk did not take
  TimePoint clock_;        // of what is being handled
  TimePoint drained_at_;   // the last instant up to which nothing was missed
  LogThrottle malformed_throttle_;
  uint64_t not_held_ = 0;
  LogThrottle full_throttle_;
  TimePoint covered_to_;  // by the run before; the zero instant where there was none
  TimePoint beat_at_;     // the last heartbeat, or what it is due a period after
};

}  // namespace natledger
