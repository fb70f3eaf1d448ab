// SPDX-License-Identifier: GPL-2.0-or-later
// Questions over a few lines of a ledger: the verdict, and why.
#include "unit/who_fixture.h"

namespace natledger {
namespace {

TEST_F(WhoTest, OneHostWhileItsFlowIsOpenAndAfterItEnded) {
  begin();
  FlowText flow{.start = at(100)};
  start("a", flow);
  EXPECT_EQ(verdict("1.2.3.4:53500", at(200)), 0);
  flow.end = at(300);
  end("a", flow);
  EXPECT_EQ(verdict("1.2.3.4:53500", at(200)), 0);
  EXPECT_EQ(verdict("1.2.3.4:53500", at(99)), 0) << "within the skew of 2 s";
  EXPECT_EQ(verdict("1.2.3.4:53500", at(301.9)), 0);
  EXPECT_EQ(verdict("1.2.3.4:53500", at(97)), 1);
  EXPECT_EQ(verdict("1.2.3.4:53500", at(303)), 1);
  EXPECT_EQ(verdict("1.2.3.4:53501", at(200)), 1);
  EXPECT_EQ(verdict("1.2.3.40:53500", at(200)), 1);
  const Answer answer = ask("1.2.3.4:53500", at(200));
  ASSERT_EQ(answer.candidates.size(), 1U);
  EXPECT_EQ(endpoint_text(answer.candidates[0].side.inside), "192.168.1.129:53400");
}

TEST_F(WhoTest, SeveralHostsAndTheRemoteThatDecides) {
  begin();
  start("a", {.start = at(100)});
  start("b", {.inside = "192.168.1.130:40000", .remote = "19.1.16.8:443", .start = at(110)});
  EXPECT_EQ(verdict("1.2.3.4:53500", at(200)), 3);
  EXPECT_EQ(verdict("1.2.3.4:53500", at(200), "19.1.16.7"), 0);
  EXPECT_EQ(verdict("1.2.3.4:53500", at(200), "19.1.16.8:443"), 0);
  EXPECT_EQ(verdict("1.2.3.4:53500", at(200), "19.1.16.8:80"), 1);
}

TEST_F(WhoTest, TwoFlowsOfOneHostAreOneHost) {
  begin();
  start("a", {.start = at(100)});
  start("b", {.inside = "192.168.1.129:40000", .remote = "19.1.16.8:443", .start = at(110)});
  EXPECT_EQ(verdict("1.2.3.4:53500", at(200)), 0);
}

TEST_F(WhoTest, TheSameAddressInTwoZonesIsTwoHosts) {
  begin();
  start("a", {.start = at(100), .zone = 1});
  start("b", {.remote = "19.1.16.8:443", .start = at(110), .zone = 2});
  EXPECT_EQ(verdict("1.2.3.4:53500", at(200)), 3);
}

TEST_F(WhoTest, NobodyIsSaidOnlyWhereTheRecordIsWhole) {
  begin();
  coverage("coverage-gap", at(500), "overrun", at(490));
  EXPECT_EQ(verdict("1.2.3.4:53500", at(400)), 1);
  EXPECT_EQ(verdict("1.2.3.4:53500", at(495)), 4) << "in the gap";
  EXPECT_EQ(verdict("1.2.3.4:53500", at(489)), 4) << "the skew touches it";
  EXPECT_EQ(verdict("1.2.3.4:53500", at(600)), 4) << "what began in the gap is not known yet";
  EXPECT_EQ(verdict("1.2.3.4:53500", at(-10)), 4) << "before the record";
  EXPECT_EQ(verdict("1.2.3.4:53500", at(3500)), 4) << "after the record";
  coverage("coverage-resume", at(501));
  EXPECT_EQ(verdict("1.2.3.4:53500", at(600)), 1);
  EXPECT_EQ(verdict("1.2.3.4:53500", at(495)), 4);
}

TEST_F(WhoTest, AnInferredStartWithoutTheKernelsClockIsDoubtedBeforeItWasSeen) {
  begin();
  FlowText flow{.not_after = at(1000)};
  start("a", flow);
  EXPECT_EQ(verdict("1.2.3.4:53500", at(900)), 5);
  flow.end = at(1200);
  end("a", flow);
  EXPECT_EQ(verdict("1.2.3.4:53500", at(900)), 5);
}

TEST_F(WhoTest, AFlowOfTheTableWithoutAnEndMayBeSilent) {
  begin();
  FlowText flow{.start = at(100), .not_after = at(1000)};
  start("a", flow);
  EXPECT_EQ(verdict("1.2.3.4:53500", at(900)), 0) << "it was there later";
  EXPECT_EQ(verdict("1.2.3.4:53500", at(1100)), 5);
  flow.end = at(1200);
  end("a", flow);
  EXPECT_EQ(verdict("1.2.3.4:53500", at(1100)), 0);
  EXPECT_EQ(verdict("1.2.3.4:53500", at(1300)), 1);
}

TEST_F(WhoTest, AnEndThatWasTimedWhenReadIsDoubtedInItsLastMinute) {
  begin();
  end("a", {.start = at(100), .end = at(300), .clock = "receipt"});
  EXPECT_EQ(verdict("1.2.3.4:53500", at(200)), 0);
  EXPECT_EQ(verdict("1.2.3.4:53500", at(290)), 5);
  EXPECT_EQ(verdict("1.2.3.4:53500", at(97)), 5) << "it may have begun a little earlier";
  EXPECT_EQ(verdict("1.2.3.4:53500", at(95)), 1);
}

TEST_F(WhoTest, WithoutNewEventsNobodyProvesNothing) {
  events_ = {"destroy"};
  begin();
  EXPECT_EQ(verdict("1.2.3.4:53500", at(100)), 4);
}

TEST_F(WhoTest, WithoutDestroyEventsAnOpenFlowMayHaveEnded) {
  events_ = {"new"};
  begin();
  start("a", {.start = at(100)});
  EXPECT_EQ(verdict("1.2.3.4:53500", at(200)), 5);
}

TEST_F(WhoTest, ALineThatCannotBeReadIsAHole) {
  const std::pair<const char*, const char*> damages[] = {
      {"\"event.action\"", "event.action\""},
      {"\"event\"", "\"evend\""},
      {"\"reply.l4.dport\": 53500, ", ""},
      {"\"reply.l4.dport\": 53500", "\"reply.l4.dport\": 99999"},
      {"\"event.end\": \"2", "\"event.end\": \"x"}};
  for (const auto& [from, to] : damages) {
    lines_.clear();
    next_ = 1;
    begin();
    FlowText flow{.start = at(100)};
    start("a", flow);
    flow.end = at(300);
    end("a", flow);
    damage(from, to);
    coverage("coverage-gap", at(2000), "overrun", at(1990));
    EXPECT_EQ(verdict("1.2.3.4:53500", at(301)), 5) << to;
  }
}

TEST_F(WhoTest, AGapThatCannotBeReadIsAHole) {
  begin();
  coverage("coverage-gap", at(200), "overrun", at(100));
  damage("\"state\"", "\"stafe\"");
  EXPECT_EQ(verdict("1.2.3.4:53500", at(150)), 4);
  EXPECT_EQ(verdict("1.2.3.4:53500", at(1000)), 4) << "what began meanwhile may go on";
}

TEST_F(WhoTest, ALineMissingFromTheStartsInferencesIsNotVouchedForByTheResume) {
  coverage("coverage-start", at(1000));
  start("a", {.start = at(-90000), .not_after = at(1001)});
  damage("\"event.action\"", "\"event.reason\": \"inferred\", \"event.action\"");
  lose_line();
  coverage("coverage-resume", at(1002));
  EXPECT_EQ(verdict("1.2.3.4:9", at(1500)), 4);
  EXPECT_EQ(verdict("1.2.3.4:9", at(-80000)), 4) << "no agent ran";
}

TEST_F(WhoTest, ARunThatLeftNoWordEndsWithItsLastLine) {
  begin();
  start("a", {.start = at(100)});
  coverage("coverage-start", at(2000));
  coverage("coverage-resume", at(2000));
  EXPECT_EQ(verdict("1.2.3.4:9", at(1000)), 4);
  EXPECT_EQ(verdict("1.2.3.4:53500", at(1000)), 5);
  EXPECT_EQ(verdict("1.2.3.4:9", at(2500)), 1);
}

TEST_F(WhoTest, AnAddressMappedIntoIpv6IsTheSame) {
  begin();
  start("a", {.start = at(100)});
  EXPECT_EQ(verdict("[::ffff:1.2.3.4]:53500", at(200)), 0);
  EXPECT_EQ(verdict("1.2.3.4:53500", at(200), "[::ffff:19.1.16.7]:443"), 0);
}

TEST_F(WhoTest, TheEdgeOfAHoleIsTheHoles) {
  begin();
  coverage("coverage-gap", at(200), "overrun", at(100));
  coverage("coverage-resume", at(200));
  EXPECT_EQ(verdict("1.2.3.4:9", at(98)), 4) << "the window is 2 s to either side";
  EXPECT_EQ(verdict("1.2.3.4:9", at(97.9)), 1);
  EXPECT_EQ(verdict("1.2.3.4:9", at(202)), 4);
  EXPECT_EQ(verdict("1.2.3.4:9", at(202.1)), 1);
}

TEST_F(WhoTest, AListingOfAnAddress) {
  begin();
  EXPECT_EQ(verdict("1.2.3.4", at(200)), 0);
  start("a", {.start = at(100)});
  EXPECT_EQ(verdict("1.2.3.4", at(200)), 0);
  start("b", {.inside = "192.168.1.130:40000", .seen = "1.2.3.4:60000", .start = at(110)});
  EXPECT_EQ(verdict("1.2.3.4", at(200)), 3);
  EXPECT_EQ(verdict("1.2.3.4", at(-100)), 4);
}

TEST_F(WhoTest, AnswersInWords) {
  begin();
  start("a", {.start = at(100)});
  EXPECT_EQ(answer_text(ask("1.2.3.4:53500", at(200))),
            "1.2.3.4:53500 at 2026-11-22T12:03:20.000000Z\n"
            "\n"
            "  192.168.1.129:53400  tcp to 19.1.16.7:443  from 2026-11-22T12:01:40.000000Z on\n"
            "\n"
            "It was 192.168.1.129.\n");
  EXPECT_EQ(answer_text(ask("1.2.3.4:9", at(200))),
            "1.2.3.4:9 at 2026-11-22T12:03:20.000000Z\n"
            "\n"
            "Nobody: the record is whole there and shows no such flow.\n");
  coverage("coverage-gap", at(500), "overrun", at(490));
  EXPECT_EQ(answer_text(ask("1.2.3.4:9", at(495))),
            "1.2.3.4:9 at 2026-11-22T12:08:15.000000Z\n"
            "\n"
            "Cannot say. No such flow is recorded, but that proves nothing.\n"
            "The record has a hole there:\n"
            "  between 2026-11-22T12:08:10.000000Z and 2026-11-22T12:08:20.000000Z: the kernel "
            "dropped events\n");
  EXPECT_EQ(answer_text(ask("1.2.3.4:53500", at(495))),
            "1.2.3.4:53500 at 2026-11-22T12:08:15.000000Z\n"
            "\n"
            "  192.168.1.129:53400  tcp to 19.1.16.7:443  from 2026-11-22T12:01:40.000000Z on\n"
            "    but no end of it is recorded, but one may have been missed since "
            "2026-11-22T12:01:40.000000Z\n"
            "\n"
            "It may have been 192.168.1.129, but another host, or nobody, cannot be excluded.\n"
            "The record has a hole there:\n"
            "  between 2026-11-22T12:08:10.000000Z and 2026-11-22T12:08:20.000000Z: the kernel "
            "dropped events\n");
}

// Through an index ends alone are recalled; whether the flow was picked up its beginning says.
TEST_F(WhoTest, TheBeginningOfAFlowWhoseEndIsInferredIsWanted) {
  const FlowText told{.start = at(10), .end = at(90)};
  const FlowText inferred{.start = at(10), .end = at(90), .gone_after = at(80)};
  for (const auto& [flow, wanted] : {std::pair{told, 0U}, std::pair{inferred, 1U}}) {
    QuestionText text;
    text.address = flow.seen;
    text.at = utc_text(at(20));
    Inquiry inquiry{parse_question(text)};
    inquiry.recall(flow_line("a-b-1", flow, true));
    EXPECT_EQ(inquiry.beginnings_wanted().size(), wanted);
  }
}

}  // namespace
}  // namespace natledger
