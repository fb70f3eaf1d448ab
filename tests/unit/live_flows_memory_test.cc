// SPDX-License-Identifier: GPL-2.0-or-later
// What open flows cost in memory.
#include "unit/live_flows_fixture.h"

namespace natledger {
namespace {

TEST(LiveFlowsMemory, AFlowTakesAtMostAHundredBytes) {
  constexpr uint32_t kMost = 1'000'000;
  LiveFlows live{kMost};
  Flow flow = event(Event::kNew);
  flow.receipt = kNoon;
  uint32_t flows = 0;
  for (const uint32_t round : {1'000U, 10'000U, 100'000U, 600'000U, kMost}) {
    for (; flows < round; ++flows) {
      flow.orig.source = v4(flows);
      flow.sequence = flows + 1;
      flow.start = {};
      flow.start_clock = StartClock::kNone;
      ASSERT_EQ(live.track(flow), Tracked::kRecord);
    }
    EXPECT_LE(live.memory_bytes(), (uint64_t{round} + 1'000) * 100) << round;
  }
}

TEST_F(LiveFlowsTest, ChurnOfFlowsWithHelpersNeedsNoMemory) {
  const auto churn = [this] {
    for (uint16_t port = 0; port < 2'000; ++port) {
      Flow begin = event(Event::kNew, port);
      set_helper(begin, "ftp");
      track(begin);
      if (port >= 500) track(event(Event::kDestroy, static_cast<uint16_t>(port - 500)));
    }
    for (uint16_t port = 1'500; port < 2'000; ++port) track(event(Event::kDestroy, port));
    EXPECT_EQ(live_.size(), 0U);
  };
  churn();
  const size_t once = live_.memory_bytes();
  churn();
  EXPECT_EQ(live_.memory_bytes(), once);
}

}  // namespace
}  // namespace natledger
