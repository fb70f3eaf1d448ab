// SPDX-License-Identifier: GPL-2.0-or-later
// The pipeline's books: one message or line more on either side alone, and they do not balance.
#include "agent/stats.h"

#include <gtest/gtest.h>

namespace natledger {
namespace {

constexpr Stats kBalanced{.received = 10,
                          .flows = 4,
                          .ignored = 3,
                          .malformed = 2,
                          .filtered = 1,
                          .written = 12,
                          .coverage = 3,
                          .inferred = 5};

TEST(Stats, BalanceWhenEachMessageBecameOneThing) {
  EXPECT_TRUE(Stats{}.balances());
  EXPECT_TRUE(kBalanced.balances());
}

TEST(Stats, DoNotBalanceWhenOneIsMissingOrTooMany) {
  for (uint64_t Stats::*const counter :
       {&Stats::received, &Stats::flows, &Stats::ignored, &Stats::malformed, &Stats::duplicate,
        &Stats::filtered, &Stats::written, &Stats::coverage, &Stats::inferred}) {
    Stats more = kBalanced;
    ++(more.*counter);
    EXPECT_FALSE(more.balances()) << testing::PrintToString(counter);
    Stats fewer = kBalanced;
    --(fewer.*counter);
    EXPECT_FALSE(fewer.balances());
  }
}

TEST(Stats, WhatNeverCameIsInNoBook) {
  Stats stats = kBalanced;
  stats.dropped = 1234;
  stats.overruns = 2;
  EXPECT_TRUE(stats.balances());
}

}  // namespace
}  // namespace natledger
