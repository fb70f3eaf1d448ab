// SPDX-License-Identifier: GPL-2.0-or-later
// What a run covers whose configuration changes and whose clock is set, and what `who` makes of it.
#include "lookup/timeline.h"

#include <gtest/gtest.h>

#include "encode/coverage.h"
#include "lookup/answer_text.h"
#include "lookup/who.h"
#include "unit/test_support.h"

namespace natledger {
namespace {

Duration s(double seconds) { return Duration{static_cast<int64_t>(seconds * 1e9)}; }

using Events = std::vector<std::string>;
const Events kBoth = {"new", "destroy"};

class TimelineTest : public testing::Test {
 protected:
  void add(const std::string& action, TimePoint when, const Events& events = {}) {
    CoverageLine line;
    line.action = action;
    line.at = when;
    line.events = events;
    timeline_.add(line, ++sequence_, when, 1);
  }
  void gap(TimePoint from, TimePoint to) {
    CoverageLine line;
    line.action = "coverage-gap";
    line.reason = "overrun";
    line.at = line.to = to;
    line.from = from;
    timeline_.add(line, ++sequence_, to, 1);
  }
  // The clock showed `before` and then `before + by`.
  void set_clock(TimePoint before, Duration by) {
    CoverageLine line;
    line.action = "clock-step";
    line.at = before + by;
    line.from = std::min(before, before + by);
    line.to = std::max(before, before + by);
    line.clock_step = by;
    timeline_.add(line, ++sequence_, before, 1);
  }
  void begin(const Events& events = kBoth) {
    add("coverage-start", at(0), events);
    add("coverage-resume", at(1));
  }
  bool starts(double from, double to) const { return timeline_.covers_starts(at(from), at(to)); }
  bool ends(double from, double to) const { return timeline_.covers_ends(at(from), at(to)); }

  uint64_t sequence_ = 0;
  Timeline timeline_;
};

TEST_F(TimelineTest, AReloadThatAsksForTheSameEventsChangesNothing) {
  begin();
  add("coverage-config", at(100), kBoth);
  add("coverage-config", at(200), {"new", "update", "destroy"});
  timeline_.finish(at(1000));
  EXPECT_TRUE(starts(0, 1000));
  EXPECT_TRUE(ends(0, 1000));
}

TEST_F(TimelineTest, StartsAreCoveredUntilNobodyAsksForThem) {
  begin();
  add("coverage-config", at(100), {"destroy"});
  timeline_.finish(at(1000));
  EXPECT_TRUE(starts(0, 100));
  EXPECT_FALSE(starts(50, 101));
  EXPECT_FALSE(starts(200, 300));
  EXPECT_TRUE(ends(0, 1000)) << "ends all the time";
}

TEST_F(TimelineTest, StartsAreCoveredFromTheReloadOnOnceTheTableWasCompared) {
  begin({"destroy"});
  add("coverage-config", at(100), kBoth);
  Timeline not_yet = timeline_;
  not_yet.finish(at(1000));
  EXPECT_FALSE(not_yet.covers_starts(at(200), at(300))) << "what was open then is not known";
  add("coverage-resume", at(102));
  timeline_.finish(at(1000));
  EXPECT_TRUE(starts(100, 1000));
  EXPECT_FALSE(starts(99, 1000));
  EXPECT_FALSE(starts(10, 20));
  EXPECT_TRUE(ends(0, 1000));
}

TEST_F(TimelineTest, EndsAreCoveredWhileSomebodyAsksForThem) {
  begin({"new"});
  add("coverage-config", at(100), kBoth);
  add("coverage-config", at(200), {"new"});
  timeline_.finish(at(1000));
  EXPECT_TRUE(starts(1, 1000));
  EXPECT_FALSE(ends(50, 150));
  EXPECT_TRUE(ends(100, 200));
  EXPECT_FALSE(ends(150, 250));
}

TEST_F(TimelineTest, AReloadDoesNotBridgeAHole) {
  begin();
  gap(at(90), at(100));
  add("coverage-config", at(99.9), {"new"});  // the mark is a little older than the gap's end
  add("coverage-resume", at(101));
  add("coverage-config", at(200), kBoth);
  timeline_.finish(at(1000));
  EXPECT_FALSE(starts(80, 110));
  EXPECT_TRUE(starts(101, 1000));
  EXPECT_EQ(timeline_.holes(at(95), at(95)).size(), 1U);
}

TEST_F(TimelineTest, ACopyThatBeginsAmidARunCoversFromTheFirstReloadOn) {
  add("coverage-config", at(100), kBoth);
  add("coverage-resume", at(101));  // of a comparison that may have begun before the copy
  timeline_.finish(at(1000));
  EXPECT_TRUE(ends(100, 1000));
  EXPECT_FALSE(ends(99, 1000));
  EXPECT_FALSE(starts(200, 300));
}

TEST_F(TimelineTest, SettingTheClockLeavesNoHole) {
  for (const double by : {3600.0, -3600.0, 0.5, -0.5}) {
    timeline_ = {};
    add("coverage-start", at(-7200), kBoth);
    add("coverage-resume", at(-7200));
    set_clock(at(100), s(by));
    timeline_.finish(at(10000));
    EXPECT_TRUE(starts(-7200, 10000)) << by;
    EXPECT_TRUE(ends(-7200, 10000)) << by;
    EXPECT_TRUE(timeline_.holes(at(-7200), at(10000)).empty());
  }
}

TEST_F(TimelineTest, AfterAStepBackTheSecondTimeIsOnlyCoveredAsFarAsItHasCome) {
  begin();
  set_clock(at(1000), s(-600));
  timeline_.finish(at(450));
  EXPECT_TRUE(starts(0, 1000));
  EXPECT_FALSE(starts(0, 1001));
  EXPECT_TRUE(starts(400, 450));
}

struct DoubtCase {
  double from, to;
  bool doubted;
};

TEST_F(TimelineTest, TimesAroundAStepAreDoubtedByItsSize) {
  begin();
  set_clock(at(1000), s(100));
  const DoubtCase cases[] = {
      {0, 899, false}, {0, 900, true}, {1050, 1050, true}, {1200, 1300, true}, {1201, 1300, false}};
  for (const DoubtCase& c : cases) {
    EXPECT_EQ(timeline_.clock_settings(at(c.from), at(c.to)).size(), c.doubted ? 1U : 0U) << c.from;
  }
}

// A ledger with one flow of 1.2.3.4:53500 from 12:16:40 to 12:18:20.
class ClockWhoTest : public testing::Test {
 protected:
  ClockWhoTest() {
    CoverageRecord start = record_of("coverage-start", at(0));
    start.events = kBoth;
    add(start);
    add(record_of("coverage-resume", at(0)));
    add_line(R"({"orig.ip.protocol": 6, "reply.ip.protocol": 6, "orig.l4.sport": 53400, )"
             R"("orig.l4.dport": 443, "reply.l4.sport": 443, "reply.l4.dport": 53500, )"
             R"("src_ip": "192.168.1.129", "dest_ip": "19.1.16.7", )"
             R"("reply.ip.saddr.str": "19.1.16.7", "reply.ip.daddr.str": "1.2.3.4", )"
             R"("@timestamp": "2026-11-22T12:18:20Z", "event.kind": "event", )"
             R"("event.action": "flow-end", "flow.id": "a", "flow.start.clock": "kernel", )"
             R"("event.start": "2026-11-22T12:16:40Z", "event.end": "2026-11-22T12:18:20Z", )"
             R"("conntrack.nat.kind": "snat"})");
  }

  static CoverageRecord record_of(const std::string& action, TimePoint when) {
    CoverageRecord record;
    record.action = action;
    record.at = when;
    return record;
  }
  void add(CoverageRecord record) {
    record.sequence = lines_.size() + 1;
    std::string line = encode_coverage(record);
    line.pop_back();
    add_line(line);
  }
  void add_line(const std::string& line) { lines_.push_back(line); }
  void beat(double when) { add(record_of("heartbeat", at(when))); }
  void set_clock(double before, double by, double right_at) {
    CoverageRecord record = record_of("clock-step", at(before + by));
    record.from = at(right_at);
    record.to = at(std::max(before, before + by));
    if (by != 0) record.clock_step_ns = s(by).count();
    add(record);
  }

  Answer ask(double when, TimePoint covered_to = {}) const {
    QuestionText text;
    text.address = "1.2.3.4:53500";
    text.at = utc_text(at(when));
    Inquiry inquiry{parse_question(text)};
    uint64_t sequence = 0;
    for (const std::string& line : lines_) inquiry.read(line, ++sequence);
    return inquiry.answer(covered_to, at(100000));
  }
  int verdict(double when, TimePoint covered_to = at(50000)) const {
    return static_cast<int>(ask(when, covered_to).verdict);
  }

  std::vector<std::string> lines_;
};

TEST_F(ClockWhoTest, AHeartbeatSaysUpToWhenACopyIsWhole) {
  EXPECT_EQ(verdict(1105, {}), 4) << "behind the last line";
  beat(1160);
  EXPECT_EQ(verdict(1105, {}), 1);
  EXPECT_EQ(verdict(1157.9, {}), 1);
  EXPECT_EQ(verdict(1159, {}), 4);
}

TEST_F(ClockWhoTest, AnOlderEndBehindAHeartbeatTakesNothingBack) {
  const std::string flow = lines_.back();
  lines_.pop_back();
  beat(1160);
  add_line(flow);
  EXPECT_EQ(verdict(1157, {}), 1);
}

TEST_F(ClockWhoTest, AStepWidensTheSkewOfQuestionsAroundIt) {
  EXPECT_EQ(verdict(1350), 1);
  set_clock(2000, 300, 500);
  EXPECT_EQ(verdict(1050), 0);
  EXPECT_EQ(verdict(1350), 0) << "the clock was 300 s behind, perhaps then already";
  EXPECT_EQ(verdict(1450), 1);
  EXPECT_EQ(verdict(5000), 1);
  EXPECT_TRUE(ask(5000).clock_settings.empty());
  const Answer answer = ask(1350, at(50000));
  EXPECT_EQ(
      answer_text(answer),
      "1.2.3.4:53500 at 2026-11-22T12:22:30.000000Z\n"
      "\n"
      "  192.168.1.129:53400  tcp to 19.1.16.7:443  from 2026-11-22T12:16:40.000000Z to "
      "2026-11-22T12:18:20.000000Z\n"
      "\n"
      "The gateway's clock was set forward by 300.000 s; what it showed between "
      "2026-11-22T12:08:20.000000Z and 2026-11-22T12:38:20.000000Z may be as far off, and all "
      "that fits within that is counted.\n"
      "It was 192.168.1.129.\n");
  EXPECT_NE(
      answer_json(answer).find(R"("clock_settings": [{"from": "2026-11-22T12:08:20.000000Z", )"
                               R"("to": "2026-11-22T12:38:20.000000Z", "by_ms": 300000}])"),
      std::string::npos);
}

TEST_F(ClockWhoTest, BeforeTheClockWasLastRightNothingIsDoubted) {
  set_clock(2000, 300, 1900);
  EXPECT_EQ(verdict(1350), 1);
}

TEST_F(ClockWhoTest, StepsThatTouchOneTimeAddUp) {
  set_clock(2000, 150, 500);
  set_clock(2200, 150, 500);
  EXPECT_EQ(verdict(1350), 0);
  EXPECT_EQ(ask(1350).clock_settings.size(), 2U);
}

TEST_F(ClockWhoTest, AfterAStepBackACopyIsWholeAsFarAsTheSecondTimeCame) {
  set_clock(2000, -600, 0);
  EXPECT_EQ(verdict(1390, {}), 0) << "it has been, by the old time and by the new";
  EXPECT_EQ(verdict(1450, {}), 5) << "by the new time it has not come yet";
  beat(4000);
  EXPECT_EQ(verdict(3300, {}), 1);
  EXPECT_EQ(verdict(1750, {}), 1);
  EXPECT_EQ(verdict(1600, {}), 0) << "of the old time, or of the new";
}

TEST_F(ClockWhoTest, AStepThatCannotBeReadIsAHole) {
  set_clock(2000, 0, 500);
  EXPECT_EQ(verdict(1105), 4);
}

}  // namespace
}  // namespace natledger
