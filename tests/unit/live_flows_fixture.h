// SPDX-License-Identifier: GPL-2.0-or-later
// A table of open flows, and events of one TCP flow.
#pragma once

#include <netinet/in.h>

#include <vector>

#include <gtest/gtest.h>

#include "flow/live_flows.h"
#include "flow/protocol.h"

namespace natledger {

inline constexpr TimePoint kNoon{1795348800 * kNsPerSecond};
inline constexpr TimePoint kEventTime{kNoon.ns - 1000};
inline constexpr TimePoint kKernelStart{kNoon.ns - 2000};

inline IpAddress v4(uint32_t host) {
  IpAddress address;
  address.family = IpAddress::Family::kV4;
  address.bytes = {10, static_cast<uint8_t>(host >> 16), static_cast<uint8_t>(host >> 8),
                   static_cast<uint8_t>(host)};
  return address;
}

// One TCP flow; tests change what they are about.
inline Flow event(Event kind, uint16_t port = 1000) {
  Flow flow;
  flow.event = kind;
  flow.family = AF_INET;
  flow.orig.source = v4(1);
  flow.orig.target = v4(2);
  flow.orig.protocol = kTcp;
  flow.orig.source_port = port;
  flow.orig.target_port = 443;
  flow.id = 77;
  return flow;
}

inline void set_helper(Flow& flow, std::string_view name) {
  std::copy(name.begin(), name.end(), flow.helper.text.begin());
  flow.helper.bytes = static_cast<uint8_t>(name.size());
}

class LiveFlowsTest : public testing::Test {
 protected:
  // Numbers and times the event as it is read, one a second.
  Flow track(Flow flow) { return track(live_, flow); }
  Flow track(LiveFlows& live, Flow flow) {
    flow.sequence = ++sequence_;
    flow.receipt = clock_ = clock_ + std::chrono::seconds{1};
    tracked_ = live.track(flow);
    if (tracked_ != Tracked::kOtherEnded) return flow;
    ended_ = live.ended_unseen();
    EXPECT_NE(live.track(flow), Tracked::kOtherEnded) << "once";
    return flow;
  }

  std::vector<Flow> end_unseen(TimePoint not_after) {
    std::vector<Flow> ends;
    live_.end_unseen(not_after, [&](const Flow& flow) { ends.push_back(flow); });
    return ends;
  }

  LiveFlows live_{1000};
  TimePoint clock_ = kNoon;
  uint64_t sequence_ = 0;
  Tracked tracked_ = Tracked::kRecord;  // what the last track() said at first
  Flow ended_;                          // what it said had ended unseen
};

// A dump's entry of the flow that event() makes.
inline Flow dumped(uint16_t port = 1000) {
  Flow entry = event(Event::kUpdate, port);
  entry.from_dump = true;
  return entry;
}

}  // namespace natledger
