// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/doubts.h"

#include <gtest/gtest.h>

namespace natledger {
namespace {

using Names = std::vector<std::string>;
const Names kBacking{"a", "b", "c", "d"};

TEST(Doubts, WithoutAFaultNothingIsDoubtful) {
  Doubts doubts{"a", 0, {}};
  doubts.begin(1, 1, 1);
  EXPECT_FALSE(doubts.is_doubtful(1));
  doubts.took("b");
  doubts.begin(2, 2, 1);
  EXPECT_EQ(doubts.memory(), "b");
}

TEST(Doubts, WhatTheRunBeforeMayHaveSentIsDoubtful) {
  Doubts doubts{"a", 100, {}};
  doubts.begin(50, 100, 51);
  doubts.begin(101, 150, 49);
  doubts.begin(151, 160, 10);
  EXPECT_TRUE(doubts.is_doubtful(50));
  EXPECT_TRUE(doubts.is_doubtful(150));
  EXPECT_FALSE(doubts.is_doubtful(151));
  EXPECT_TRUE(doubts.is_exact("a"));
  EXPECT_FALSE(doubts.is_exact("b"));
  EXPECT_EQ(doubts.elsewhere("b", {"a", "b"}), Names{"a"});
}

TEST(Doubts, ARecordMayBeInAnyIndexSinceTheLastThatIsCertain) {
  Doubts doubts{"b", 100, {}};
  doubts.begin(1, 1, 1);
  EXPECT_EQ(doubts.elsewhere("d", kBacking), (Names{"b", "c"}));
}

TEST(Doubts, TheIndexBeforeStaysUntilAllIsSettled) {
  Doubts doubts{"a", 0, {}};
  doubts.begin(1, 1, 1);
  doubts.add(20, {7});
  EXPECT_EQ(doubts.under_way_until(), TimePoint{7});
  doubts.took("b");
  doubts.begin(11, 11, 1);
  EXPECT_EQ(doubts.memory(), "a") << "a kill now, and a may still have 11 to 20";
  doubts.begin(21, 21, 1);
  EXPECT_EQ(doubts.memory(), "b");
  EXPECT_FALSE(doubts.is_doubtful(21));
}

TEST(Doubts, WithoutAMemoryItMayBeAnywhere) {
  Doubts doubts{"", 100, {}};
  doubts.begin(1, 1, 1);
  EXPECT_TRUE(doubts.is_doubtful(1));
  EXPECT_FALSE(doubts.is_exact("a"));
  EXPECT_EQ(doubts.elsewhere("d", kBacking), (Names{"a", "b", "c"}));
}

TEST(Doubts, WhereToLookFromIsSettledAtTheFirstLook) {
  Names backing{"a"};
  Doubts doubts{"", 100, {}};
  doubts.begin(1, 1, 1);
  doubts.know(backing);
  EXPECT_EQ(doubts.memory(), "a");
  for (char name = 'b'; name <= 'z'; ++name) backing.emplace_back(1, name);
  doubts.know(backing);
  EXPECT_EQ(doubts.elsewhere("z", backing).size(), 25U) << "however many follow";
}

TEST(Doubts, AnIndexThatWasRemovedMeanwhileLeavesTheOthers) {
  Doubts doubts{"0", 100, {}};
  doubts.begin(1, 1, 1);
  EXPECT_EQ(doubts.elsewhere("c", kBacking), (Names{"a", "b", "d"}));
}

}  // namespace
}  // namespace natledger
