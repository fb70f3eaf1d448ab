// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/doubts.h"

#include <gtest/gtest.h>

#include "ledger/cursor.h"

namespace natledger {
namespace {

using Names = std::vector<std::string>;

TEST(Doubts, WithoutAFaultNothingIsDoubtful) {
  Doubts doubts{"", 100, {}};
  doubts.begin_at(1);
  EXPECT_FALSE(doubts.is_doubtful(1));
  doubts.took("a");
  EXPECT_EQ(doubts.memory(), "a");
}

TEST(Doubts, WhatTheRunBeforeMayHaveSentIsDoubtful) {
  Doubts doubts{"a", 100, {}};
  doubts.begin_at(50);
  EXPECT_TRUE(doubts.is_doubtful(50));
  EXPECT_TRUE(doubts.is_doubtful(150));
  EXPECT_FALSE(doubts.is_doubtful(151));
  EXPECT_EQ(doubts.elsewhere("a"), Names{}) << "the same index: its answer is exact";
  EXPECT_EQ(doubts.elsewhere("b"), Names{"a"});
}

TEST(Doubts, AnIndexStaysUntilAllThatWasSentToItIsSettled) {
  Doubts doubts{"", 100, {}};
  doubts.begin_at(1);
  doubts.took("a");
  doubts.add(20, {7});
  EXPECT_EQ(doubts.under_way_until(), TimePoint{7});
  doubts.begin_at(11);
  doubts.took("b");
  EXPECT_EQ(doubts.memory(), "a,b");
  EXPECT_EQ(doubts.elsewhere("b"), Names{"a"});
  doubts.begin_at(21);
  EXPECT_EQ(doubts.memory(), "b");
  EXPECT_FALSE(doubts.is_doubtful(21));
}

TEST(Doubts, TheMemoryIsGivenToTheNextRun) {
  Doubts doubts{"a,b", 10, {}};
  EXPECT_EQ(doubts.memory(), "a,b");
  doubts.begin_at(1);
  EXPECT_EQ(doubts.elsewhere("b"), Names{"a"});
  EXPECT_EQ(doubts.elsewhere("c"), (Names{"a", "b"}));
}

TEST(Doubts, AMemoryThatIsTooLongLosesItsOldest) {
  Doubts doubts{"", 10, {}};
  doubts.begin_at(1);
  doubts.add(1000, {});
  for (int i = 0; i < 100; ++i) doubts.took("index-number-" + std::to_string(i));
  EXPECT_LE(doubts.memory().size(), Cursor::kMostMemory);
  EXPECT_TRUE(doubts.memory().ends_with(",index-number-99"));
}

}  // namespace
}  // namespace natledger
