// SPDX-License-Identifier: GPL-2.0-or-later
// What holes, ends that nobody saw and comparisons with the table make of an answer.
#include "unit/who_fixture.h"

namespace natledger {
namespace {

using WhoHolesTest = WhoTest;

TEST_F(WhoHolesTest, ACertainNameIsNeverGivenBesideAHole) {
  begin();
  start("a", {.start = at(100)});
  coverage("coverage-gap", at(500), "overrun", at(490));
  coverage("coverage-resume", at(501));
  EXPECT_EQ(verdict("1.2.3.4:53500", at(400)), 0);
  EXPECT_EQ(verdict("1.2.3.4:53500", at(495)), 5);
  EXPECT_EQ(verdict("1.2.3.4:53500", at(600)), 0) << "the comparison found it";
  end("a", {.start = at(100), .end = at(700)});
  EXPECT_EQ(verdict("1.2.3.4:53500", at(600)), 0);
  EXPECT_EQ(verdict("1.2.3.4:53500", at(495)), 5) << "another may have come and gone";
}

TEST_F(WhoHolesTest, AnEndThatNobodySawIsSomewhereBetweenItsBounds) {
  begin();
  FlowText flow{.start = at(100)};
  start("a", flow);
  coverage("coverage-gap", at(310), "overrun", at(300));
  flow.gone_after = at(300);
  flow.end = at(320);
  end("a", flow);
  coverage("coverage-resume", at(321));
  EXPECT_EQ(verdict("1.2.3.4:53500", at(290)), 0);
  EXPECT_EQ(verdict("1.2.3.4:53500", at(298.5)), 5) << "the skew reaches into the bounds";
  EXPECT_EQ(verdict("1.2.3.4:53500", at(315)), 5);
  EXPECT_EQ(verdict("1.2.3.4:53500", at(321)), 5);
  EXPECT_EQ(verdict("1.2.3.4:53500", at(323)), 1);
  EXPECT_EQ(ask("1.2.3.4:53500", at(315)).candidates[0].doubt,
            "its end was not told: it was there until 2026-11-22T12:05:00.000000Z and had gone by "
            "2026-11-22T12:05:20.000000Z");
}

TEST_F(WhoHolesTest, AComparisonVouchesForWhatIsOpen) {
  events_ = {"new", "destroy"};
  begin();
  start("a", {.start = at(-900), .not_after = at(1)});
  EXPECT_EQ(verdict("1.2.3.4:53500", at(600)), 5) << "its end may never be told";
  coverage("coverage-resume", at(700), "", at(650));
  EXPECT_EQ(verdict("1.2.3.4:53500", at(600)), 0);
  EXPECT_EQ(verdict("1.2.3.4:53500", at(649)), 5) << "the skew reaches behind its beginning";
}

TEST_F(WhoHolesTest, AComparisonVouchesForNothingThatItDoesNotSee) {
  begin();
  start("a", {.start = at(100)});
  coverage("coverage-gap", at(500), "table-full", at(490));
  coverage("coverage-resume", at(501));
  EXPECT_EQ(verdict("1.2.3.4:53500", at(600)), 5) << "the table may have had no room for it";
  coverage("coverage-gap", at(800), "agent-down", at(700));
  coverage("coverage-start", at(800));
  coverage("coverage-resume", at(801));
  EXPECT_EQ(verdict("1.2.3.4:53500", at(900)), 5) << "the new agent knows nothing of it";
}

TEST_F(WhoHolesTest, WhereNoEndsAreRecordedAComparisonVouchesForNothing) {
  events_ = {"new"};
  begin();
  start("a", {.start = at(100)});
  coverage("coverage-resume", at(501));
  EXPECT_EQ(verdict("1.2.3.4:53500", at(200)), 5);
}

TEST_F(WhoHolesTest, ALineWhoseDamageHidesWhomItNamesIsAHole) {
  const std::pair<std::string, std::string> damages[] = {
      {R"("1.2.3.4", )", R"("1.2.3.4&, )"},  // no JSON any more
      {R"("1.2.3.4", )", R"("1.2.3.t", )"},  // no address
      {R"("1.2.3.4", )", R"("1.2.3.)"},      // cut
  };
  begin();
  for (const auto& [from, to] : damages) {
    start("a", {.start = at(100)});
    damage(from, to);
    EXPECT_EQ(verdict("1.2.3.4:53500", at(150)), 4) << to;
    lines_.pop_back();
    --next_;
  }
  start("a", {.start = at(100)});
  EXPECT_EQ(verdict("1.2.3.5:53500", at(150)), 1) << "it names another, and is whole";
}

TEST_F(WhoHolesTest, AnAgentThatWasDownCoversNothing) {
  begin();
  start("a", {.start = at(100)});
  coverage("coverage-stop", at(200));
  coverage("coverage-gap", at(400), "agent-down", at(200));
  coverage("coverage-start", at(400));
  EXPECT_EQ(verdict("1.2.3.4:53500", at(150)), 0);
  EXPECT_EQ(verdict("1.2.3.4:53500", at(300)), 5);
  EXPECT_EQ(verdict("1.2.3.4:9", at(300)), 4);
  EXPECT_EQ(verdict("1.2.3.4:9", at(450)), 4) << "what was open at the start is not known yet";
  coverage("coverage-resume", at(401));
  EXPECT_EQ(verdict("1.2.3.4:9", at(450)), 1);
}

TEST_F(WhoHolesTest, AKilledAgentCoversToTheGapItsSuccessorTellsOf) {
  begin();
  coverage("coverage-gap", at(400), "agent-down", at(200));
  coverage("coverage-start", at(400));
  coverage("coverage-resume", at(400));
  EXPECT_EQ(verdict("1.2.3.4:9", at(190)), 1);
  EXPECT_EQ(verdict("1.2.3.4:9", at(300)), 4);
  EXPECT_EQ(verdict("1.2.3.4:9", at(450)), 1);
}

TEST_F(WhoHolesTest, MissingLinesAreAHole) {
  begin();
  start("x", {.seen = "9.9.9.9:1", .start = at(100)});
  lose_line();
  start("y", {.seen = "9.9.9.9:2", .start = at(200)});
  EXPECT_EQ(verdict("1.2.3.4:53500", at(150)), 4);
  EXPECT_EQ(verdict("1.2.3.4:53500", at(50)), 1);
  EXPECT_EQ(ask("1.2.3.4:53500", at(150)).holes.at(0).reason, "lines-missing");
}

TEST_F(WhoHolesTest, SkippedNumbersAreNoHoleOfTheirOwn) {
  begin();
  skipped(5000);
  EXPECT_EQ(verdict("1.2.3.4:53500", at(50)), 1);
  // Nor do they, or a seal, say that the record is whole till then.
  covered_to_ = {};
  skipped(9000, at(2000));
  coverage("segment-sealed", at(2000));
  EXPECT_EQ(verdict("1.2.3.4:53500", at(1000)), 4);
}

}  // namespace
}  // namespace natledger
