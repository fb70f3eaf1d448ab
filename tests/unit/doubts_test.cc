// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/doubts.h"

#include <gtest/gtest.h>

namespace natledger {
namespace {

using Names = std::vector<std::string>;
const Names kBacking{"a", "b", "c", "d"};

TEST(Doubts, WhereNothingWasEverSentNothingIsDoubtful) {
  Doubts doubts{Doubts::kRecentIndex, 0, {7}};
  doubts.begin(1);
  EXPECT_FALSE(doubts.about(1, "a"));
  EXPECT_EQ(doubts.memory(), Doubts::kRecentIndex) << "what is sent now is where it is newest";
  doubts.took("b");
  EXPECT_EQ(doubts.memory(), "b");
}

TEST(Doubts, WhatRunsBeforeMayHaveSentIsDoubtfulUpToItsLastNumber) {
  Doubts doubts{"a", 150, {7}};
  doubts.begin(50);
  EXPECT_FALSE(doubts.about(50, "a")) << "nothing rolled over";
  ASSERT_TRUE(doubts.about(150, "b"));
  EXPECT_EQ(doubts.about(150, "b")->since, "a");
  EXPECT_EQ(doubts.about(150, "b")->until, TimePoint{7});
  EXPECT_FALSE(doubts.about(151, "b"));
}

TEST(Doubts, AnAnswerThatWasLostDoubtsItsOwnRecordsAlone) {
  Doubts doubts{"a", 0, {}};
  doubts.begin(10);
  doubts.add(10, 20, {7});
  EXPECT_TRUE(doubts.about(10, "b"));
  EXPECT_TRUE(doubts.about(20, "b"));
  EXPECT_FALSE(doubts.about(9, "b"));
  EXPECT_FALSE(doubts.about(21, "b"));
}

TEST(Doubts, OtherRecordsOfTheRunBeforeDoNotWaitForAnAnswerOfThisOne) {
  Doubts doubts{"a", 100, {7}};
  doubts.begin(10);
  doubts.took("b");
  doubts.add(10, 20, {90});
  EXPECT_EQ(doubts.about(15, "c")->since, "a");
  EXPECT_EQ(doubts.about(15, "c")->until, TimePoint{90});
  EXPECT_EQ(doubts.about(21, "c")->until, TimePoint{7});
}

// Behind a rollover b takes what is sent, and an answer lost there is exact again.
TEST(Doubts, AnAnswerLostBehindARolloverIsNotWaitedFor) {
  Doubts doubts{"a", 100, {7}};
  doubts.begin(10);
  doubts.took("b");
  doubts.add(10, 20, {90});
  EXPECT_EQ(doubts.about(15, "b")->since, "a") << "a run before may have sent it";
  EXPECT_EQ(doubts.about(15, "b")->until, TimePoint{7}) << "but our own can be nowhere but in b";
  Doubts fresh{"a", 0, {}};
  fresh.took("b");
  fresh.add(10, 20, {90});
  EXPECT_FALSE(fresh.about(15, "b"));
}

TEST(Doubts, OneAnswerAfterTheOtherThatIsLostKeepsTheOldestIndex) {
  Doubts doubts{"a", 0, {}};
  doubts.begin(1);
  doubts.add(1, 20, {7});
  doubts.add(1, 10, {9});
  doubts.took("b");
  doubts.add(1, 10, {11});
  EXPECT_EQ(doubts.about(5, "c")->since, "a");
  EXPECT_EQ(doubts.about(5, "c")->until, TimePoint{11});
  EXPECT_EQ(doubts.about(20, "c")->until, TimePoint{9});
}

TEST(Doubts, WhereThereWasOneRequestItHasComeWhereACopyIsFound) {
  Doubts doubts{"a", 0, {}};
  doubts.begin(1);
  doubts.add(1, 20, {7});
  EXPECT_EQ(doubts.about(5, "b")->until_removable, TimePoint{});
  doubts.add(1, 10, {9});
  EXPECT_EQ(doubts.about(5, "b")->until_removable, TimePoint{9}) << "one of two may be under way";
  EXPECT_EQ(doubts.about(20, "b")->until_removable, TimePoint{9});
}

TEST(Doubts, ARequestIntoTheIndexOfACopyMayComeInItsPlace) {
  Doubts doubts{"a", 0, {}};
  doubts.begin(1);
  doubts.add(1, 20, {7});
  doubts.took("b");
  doubts.add(1, 20, {90});
  EXPECT_EQ(doubts.about(5, "b")->until, TimePoint{7}) << "what comes there is no other copy";
  EXPECT_EQ(doubts.about(5, "b")->until_removable, TimePoint{90});
}

TEST(Doubts, HowOftenARunBeforeSentARecordNobodyKnows) {
  Doubts doubts{"a", 100, {7}};
  doubts.begin(1);
  EXPECT_EQ(doubts.about(5, "b")->until_removable, TimePoint{7});
}

TEST(Doubts, TheIndexBeforeIsRememberedUntilAllIsSettled) {
  Doubts doubts{"a", 0, {}};
  doubts.begin(1);
  doubts.add(1, 20, {7});
  doubts.took("b");
  doubts.begin(11);
  EXPECT_EQ(doubts.memory(), "a") << "a kill now, and a may still have 11 to 20";
  doubts.begin(21);
  EXPECT_EQ(doubts.memory(), "b");
}

TEST(Doubts, SoItIsWhileTheRunBeforeMatters) {
  Doubts doubts{"a", 100, {}};
  doubts.took("b");
  doubts.begin(100);
  EXPECT_EQ(doubts.memory(), "a");
  doubts.begin(101);
  EXPECT_EQ(doubts.memory(), "b");
}

TEST(Doubts, ARecordMayBeInAnyIndexSinceTheLastThatIsCertain) {
  EXPECT_EQ(indices_since("a", "b", {"a", "b"}), Names{"a"});
  EXPECT_EQ(indices_since("b", "d", kBacking), (Names{"b", "c"}));
}

TEST(Doubts, AnIndexThatWasRemovedMeanwhileLeavesTheOthers) {
  EXPECT_EQ(indices_since("0", "c", kBacking), (Names{"a", "b", "d"}));
}

TEST(Doubts, WhereNothingIsKnownItMayBeAnywhere) {
  Doubts doubts{Doubts::kAnyIndex, 100, {7}};
  EXPECT_TRUE(doubts.about(1, "d"));
  const Names many(30, "m");
  EXPECT_EQ(indices_since(Doubts::kAnyIndex, "d", many).size(), 30U);
  EXPECT_EQ(indices_since(Doubts::kRecentIndex, "d", many).size(), 16U);
}

TEST(Doubts, WhereToLookFromIsSettledAtTheFirstLook) {
  Names backing{"a", "b"};
  Doubts doubts{Doubts::kRecentIndex, 100, {}};
  doubts.begin(1);
  doubts.know(backing);
  EXPECT_EQ(doubts.memory(), "a");
  for (int i = 0; i < 30; ++i) backing.emplace_back(1, static_cast<char>('c' + i));
  doubts.know(backing);
  EXPECT_EQ(doubts.about(1, "z")->since, "a") << "however many follow";
}

}  // namespace
}  // namespace natledger
