// SPDX-License-Identifier: GPL-2.0-or-later
// What the resync asks the kernel's table, and how often.
#include "unit/resync_fixture.h"

namespace natledger {
namespace {

struct AskedCase {
  const char* what;
  std::vector<std::byte> message;
  uint16_t zone;
};

// Without its zone the kernel denies that a flow is there; and in that of the reply direction only
// it is not found at all, but in zone 0 (Linux 6.18).
TEST_F(ResyncTest, AFlowIsAskedForInTheZoneOfItsOriginalDirection) {
  const Blob of_flow = attribute(CTA_ZONE, big_endian(9, 2));
  const Blob of_tuple = attribute(CTA_TUPLE_ZONE, big_endian(300, 2));
  const AskedCase cases[] = {
      {"none", natledger::event(Extra{}), 0},
      {"of both directions", natledger::event({.top = of_flow}), 9},
      {"of the original", natledger::event({.tuple = of_tuple}), 300},
      {"of the reply", natledger::event({orig(), reply(of_tuple)}), 0},
  };
  compared();
  for (const AskedCase& c : cases) {
    asked_.clear();
    bytes(c.message);
    mark(RingEntry::Kind::kOverrun, 1);
    after_the_dump();
    drained();  // dumps
    after_the_dump();
    drained();  // asks
    ASSERT_EQ(asked_.size(), 1U) << c.what;
    EXPECT_EQ(asked_[0].zone, c.zone) << c.what;
    EXPECT_EQ(address_text(asked_[0].source), "192.168.1.129") << c.what;
    EXPECT_EQ(asked_[0].source_port, 53400) << c.what;
    after_the_dump();
    drained();  // and concludes that it has ended
  }
}

TEST_F(ResyncTest, ItRestsLongerAfterEachTryInVain) {
  refused_dumps_ = 100;
  drained();
  ASSERT_EQ(dumps_, 1);
  const auto dumps_after = [this](Duration rest) {
    clock_ = now() + rest;
    drained();
    return dumps_;
  };
  int dumps = 1;
  for (const int seconds : {1, 2, 4, 8, 16, 30, 30, 30}) {
    const Duration rest = std::chrono::seconds{seconds};
    EXPECT_EQ(dumps_after(rest - std::chrono::milliseconds{500}), dumps) << seconds;
    EXPECT_EQ(dumps_after(rest), ++dumps) << seconds;
  }
}

}  // namespace
}  // namespace natledger
