// SPDX-License-Identifier: GPL-2.0-or-later
// What the kernel's table shows, and no event told.
#include "unit/resync_fixture.h"

namespace natledger {
namespace {

TEST_F(ResyncTest, ADumpThatTheKernelRefusesIsTriedAgain) {
  refused_dumps_ = 1;
  entry(golden_row("tcp_snat", "NEW"));
  drained();
  after_the_dump();
  drained();
  EXPECT_EQ(actions(), Words{});
  EXPECT_EQ(dumps_, 2);
  after_the_dump();
  drained();
  EXPECT_EQ(actions(), (Words{"start", "coverage-resume"}));
}

TEST_F(ResyncTest, ADumpDuringWhichTheTableWasResizedIsMadeAgain) {
  resized_dumps_ = 2;
  entry(golden_row("tcp_snat", "NEW"));
  entry_of_age(std::chrono::seconds{10});
  drained();
  EXPECT_EQ(dumps_, 3);
  after_the_dump();
  drained();
  EXPECT_EQ(actions(), (Words{"start", "start", "coverage-resume"})) << "each entry once";
  EXPECT_EQ(dumps_, 3);
}

TEST_F(ResyncTest, ATableThatIsResizedAgainAndAgainIsLeftForLater) {
  resized_dumps_ = 3;
  entry(golden_row("tcp_snat", "NEW"));
  drained();
  EXPECT_EQ(dumps_, 3);
  after_the_dump();
  drained();
  EXPECT_EQ(actions(), Words{}) << "three dumps prove nothing";
  EXPECT_EQ(dumps_, 4);
  after_the_dump();
  drained();
  EXPECT_EQ(actions(), (Words{"start", "coverage-resume"}));
}

TEST_F(ResyncTest, AFlowThatNoEventToldOfIsAnInferredStart) {
  entry(golden_row("tcp_snat", "NEW"));
  drained();
  EXPECT_EQ(actions(), Words{});
  after_the_dump();
  drained();
  EXPECT_EQ(actions(), (Words{"start", "coverage-resume"}));
  EXPECT_NE(sink_.lines[0].find(R"("event.reason": "inferred")"), std::string::npos);
  EXPECT_NE(sink_.lines[0].find(R"("ct.event": 1)"), std::string::npos);
  EXPECT_EQ(pipeline_->stats().inferred, 1U);
  // Its end finds it.
  event(golden_row("tcp_snat", "DESTROY"));
  drained();
  EXPECT_NE(sink_.lines[2].find(R"("flow.id": "test-0-1")"), std::string::npos);
}

TEST_F(ResyncTest, WithoutNewEventsAnInferredStartIsNoRecordButItsEndKnowsIt) {
  make(kUpdateEvents | kDestroyEvents);
  pipeline_->begin(clock_, &resync_);
  entry(golden_row("tcp_helper_ftp", "NEW"));
  drained();
  after_the_dump();
  drained();
  EXPECT_EQ(actions(), Words{"coverage-resume"});
  EXPECT_EQ(pipeline_->live_flows().size(), 1U);
  EXPECT_EQ(pipeline_->stats().inferred, 0U);
  event(golden_row("tcp_helper_ftp", "DESTROY"));
  drained();
  EXPECT_EQ(actions(), (Words{"coverage-resume", "end"}));
  EXPECT_NE(sink_.lines[1].find(R"("conntrack.helper": "ftp")"), std::string::npos);
  EXPECT_EQ(parse_record(sink_.lines[1])->flow->flow_id, "test-0-2") << "its first record";
}

TEST_F(ResyncTest, AFlowWhoseStartWasOnItsWayIsNotToldTwice) {
  entry(golden_row("tcp_snat", "NEW"));
  drained();
  after_the_dump();
  event(golden_row("tcp_snat", "NEW"));
  drained();
  EXPECT_EQ(actions(), (Words{"start", "coverage-resume"}));
  EXPECT_EQ(pipeline_->stats().inferred, 0U);
}

TEST_F(ResyncTest, AFlowThatEndedMeanwhileDoesNotComeBack) {
  entry(golden_row("tcp_snat", "NEW"));
  drained();
  after_the_dump();
  event(golden_row("tcp_snat", "DESTROY"));
  drained();
  EXPECT_EQ(actions(), (Words{"end", "coverage-resume"}));
  EXPECT_EQ(pipeline_->live_flows().size(), 0U);
}

TEST_F(ResyncTest, ADyingEntryIsLeftToItsEnd) {
  std::vector<std::byte> dying = as_dumped(golden_row("tcp_snat", "DESTROY").message);
  dying[8 - 8 + 4] = std::byte{0};  // the type: an entry, not a DESTROY
  table_.push_back(dying);
  drained();
  after_the_dump();
  drained();
  EXPECT_EQ(actions(), (Words{"coverage-resume"}));
}

TEST_F(ResyncTest, AnEntryOlderThanWhatWasAppliedIsAnInferredStartAtOnce) {
  entry_of_age(std::chrono::seconds{10});
  drained();
  EXPECT_EQ(actions(), Words{"start"});
  EXPECT_EQ(pipeline_->live_flows().size(), 1U);
  // Its end, on the way during the dump, finds it there.
  bytes(netlink_message({NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE, 0, AF_INET},
                        joined({orig(), reply()})));
  after_the_dump();
  drained();
  EXPECT_EQ(actions(), (Words{"start", "end", "coverage-resume"}));
  EXPECT_EQ(parse_record(sink_.lines[1])->flow->flow_id, "test-0-1");
  EXPECT_EQ(pipeline_->stats().inferred, 1U);
}

TEST_F(ResyncTest, AnEntryWhoseStartMayBeOnItsWayWaits) {
  entry_of_age(std::chrono::milliseconds{900});
  drained();
  EXPECT_EQ(actions(), Words{});
  after_the_dump();
  drained();
  EXPECT_EQ(actions(), (Words{"start", "coverage-resume"}));
}

TEST_F(ResyncTest, AnOverrunBeginsAnew) {
  entry(golden_row("tcp_snat", "NEW"));
  drained();
  EXPECT_EQ(dumps_, 1);
  after_the_dump();
  mark(RingEntry::Kind::kOverrun, 7);
  drained();
  EXPECT_EQ(dumps_, 2);
  EXPECT_EQ(actions(), (Words{"coverage-gap"})) << "the first dump proves nothing any more";
  after_the_dump();
  drained();
  EXPECT_EQ(actions(), (Words{"coverage-gap", "start", "coverage-resume"}));
}

TEST_F(ResyncTest, AFlowThatVanishedInAGapHasAnInferredEnd) {
  compared();
  event(golden_row("tcp_snat", "NEW"));
  drained();
  const TimePoint last_seen_empty = clock_;
  pass(5);
  mark(RingEntry::Kind::kOverrun, 1);
  pass(2);
  drained();
  EXPECT_EQ(dumps_, 2);
  after_the_dump();
  drained();
  ASSERT_EQ(asked_.size(), 1U) << "it was not in the dump, so it is asked for";
  const Words so_far{"coverage-resume", "start", "coverage-gap"};
  EXPECT_EQ(actions(), so_far) << "its end may be on the way";
  after_the_dump();
  drained();
  EXPECT_EQ(actions(),
            (Words{"coverage-resume", "start", "coverage-gap", "inferred end", "coverage-resume"}));
  const auto end = *parse_record(sink_.lines[3])->flow;
  EXPECT_EQ(end.flow_id, "test-0-2");
  EXPECT_LE(end.end_not_before, last_seen_empty) << "a minute before, but for the comparison";
  EXPECT_GT(end.end_not_before, end.start);
  EXPECT_LT(end.end_not_after, clock_);
  EXPECT_EQ(end.at, end.end_not_after);
  EXPECT_EQ(sink_.lines[3].find(R"("flow.end.sec")"), std::string::npos);
  EXPECT_EQ(pipeline_->stats().inferred, 1U);
  EXPECT_EQ(pipeline_->live_flows().size(), 0U);
}

TEST_F(ResyncTest, WhatTheDumpPassedOverIsFoundByAskingForIt) {
  flow_and_loss();
  answers_.push_back(as_dumped(golden_row("tcp_snat", "NEW").message));
  after_the_dump();
  drained();
  ASSERT_EQ(asked_.size(), 1U);
  after_the_dump();
  drained();
  EXPECT_EQ(actions(), (Words{"coverage-resume", "start", "coverage-gap", "coverage-resume"}));
  EXPECT_EQ(pipeline_->live_flows().size(), 1U);
}

TEST_F(ResyncTest, NothingIsConcludedBeforeAllThatWasSentHasCome) {
  flow_and_loss();
  entry(golden_row("tcp_snat", "NEW"));
  for (int i = 0; i < 3; ++i) {
    pass(10);
    drained();
  }
  EXPECT_TRUE(asked_.empty()) << "no mark is of the dump's epoch yet";
  after_the_dump();
  drained();
  EXPECT_EQ(asked_.size(), 1U);
  for (int i = 0; i < 3; ++i) {
    pass(10);
    drained();
  }
  EXPECT_EQ(actions(), (Words{"coverage-resume", "start", "coverage-gap"}));
  after_the_dump();
  drained();
  EXPECT_EQ(actions().back(), "coverage-resume");
}

TEST_F(ResyncTest, AnEndThatWasOnItsWayIsTheEnd) {
  flow_and_loss();
  after_the_dump();
  drained();
  event(golden_row("tcp_snat", "DESTROY"));
  after_the_dump();
  drained();
  EXPECT_EQ(actions(),
            (Words{"coverage-resume", "start", "coverage-gap", "end", "coverage-resume"}));
}

TEST_F(ResyncTest, ALossWhileItAsksBeginsAnew) {
  flow_and_loss();
  after_the_dump();
  drained();
  mark(RingEntry::Kind::kOverrun, 1);
  after_the_dump();
  drained();
  EXPECT_EQ(dumps_, 3);
  const Words so_far{"coverage-resume", "start", "coverage-gap", "coverage-gap"};
  EXPECT_EQ(actions(), so_far) << "its end, and the start of another, may be in the second gap";
  entry(golden_row("tcp_snat", "NEW"));
  answers_.push_back(table_.back());
  after_the_dump();
  drained();
  after_the_dump();
  drained();
  EXPECT_EQ(actions().size(), so_far.size() + 1);
  EXPECT_EQ(actions().back(), "coverage-resume");
}

TEST_F(ResyncTest, AQueryThatTheKernelRefusesIsMadeAgainWithItsDump) {
  flow_and_loss();
  refused_queries_ = 1;
  for (int i = 0; i < 4; ++i) {
    after_the_dump();
    drained();
  }
  EXPECT_EQ(dumps_, 3);
  EXPECT_EQ(actions(),
            (Words{"coverage-resume", "start", "coverage-gap", "inferred end", "coverage-resume"}));
}

TEST_F(ResyncTest, ATupleThatWasUsedAgainInAGapIsTwoFlows) {
  compared();
  bytes(natledger::event({orig(), reply(), attribute(CTA_ID, big_endian(7, 4))}));
  drained();
  mark(RingEntry::Kind::kOverrun, 1);
  pass(10);
  const auto began = static_cast<uint64_t>((clock_ - std::chrono::seconds{5}).ns);
  const Blob told = attribute(CTA_TIMESTAMP_START, big_endian(began, 8));
  table_.push_back(as_dumped(natledger::event(
      {orig(), reply(), attribute(CTA_ID, big_endian(7, 4)), nested(CTA_TIMESTAMP, {told})})));
  drained();
  EXPECT_EQ(actions(),
            (Words{"coverage-resume", "start", "coverage-gap", "inferred end", "start"}));
  const auto end = *parse_record(sink_.lines[3])->flow;
  const auto start = *parse_record(sink_.lines[4])->flow;
  EXPECT_EQ(end.flow_id, "test-0-2");
  EXPECT_EQ(end.end_not_after, start.start);
  EXPECT_EQ(start.flow_id, start.event_id);
  after_the_dump();
  drained();
  EXPECT_EQ(actions().back(), "coverage-resume");
  EXPECT_EQ(pipeline_->live_flows().size(), 1U);
}

TEST_F(ResyncTest, WhatTheKernelNeverToldIsNoticedWithinThePeriod) {
  compared();
  event(golden_row("tcp_snat", "NEW"));
  drained();
  const TimePoint resumed_at = clock_;
  clock_ = resumed_at + std::chrono::minutes{59};
  drained();
  EXPECT_EQ(dumps_, 1);
  clock_ = resumed_at + std::chrono::minutes{60};
  drained();
  EXPECT_EQ(dumps_, 2);
  for (int i = 0; i < 2; ++i) {
    epoch_ = begun_epoch_;
    drained();
  }
  EXPECT_EQ(actions(), (Words{"coverage-resume", "start", "inferred end", "coverage-resume"}));
}

TEST_F(ResyncTest, WhereEndsAreNotRecordedAnInferredOneIsOnlyForgotten) {
  make(kNewEvents);
  pipeline_->begin(clock_, &resync_);
  compared();
  event(golden_row("tcp_snat", "NEW"));
  drained();
  clock_ = clock_ + std::chrono::minutes{61};
  for (int i = 0; i < 3; ++i) {
    epoch_ = begun_epoch_;
    drained();
  }
  EXPECT_EQ(actions(), (Words{"coverage-resume", "start", "coverage-resume"}));
  EXPECT_EQ(pipeline_->live_flows().size(), 0U);
}

}  // namespace
}  // namespace natledger
