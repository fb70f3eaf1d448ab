// SPDX-License-Identifier: GPL-2.0-or-later
// Questions over a ledger whose segments follow each other and whose oldest ones are gone: what may
// be missing is not taken for nothing.
#include <gtest/gtest.h>

#include "encode/coverage.h"
#include "lookup/who.h"
#include "unit/test_support.h"

namespace natledger {
namespace {

// Writes a ledger line by line.
class WhoSegmentsTest : public testing::Test {
 protected:
  void coverage(const std::string& action, TimePoint when, const std::string& reason = "",
                TimePoint from = {}) {
    CoverageRecord record = make(action, when);
    record.reason = reason;
    record.from = from;
    if (from.known()) record.to = when;
    if (action == "coverage-start") record.events = events_;
    add(record);
  }
  // The beginning of a segment; `open_from` 0: not said.
  void config(TimePoint when, uint64_t open_from) {
    CoverageRecord record = make("coverage-config", when);
    record.events = events_;
    if (open_from != 0) record.open_from_sequence = open_from;
    add(record);
  }
  void resume(TimePoint when, uint64_t open_from) {
    CoverageRecord record = make("coverage-resume", when);
    record.open_from_sequence = open_from;
    add(record);
  }
  // A record running from 12:00:00 on, of which all that was open before is known.
  void begin() {
    coverage("coverage-start", at(0));
    coverage("coverage-resume", at(0));
  }

  // The one flow that was seen as this end.
  void start(const std::string& seen, TimePoint start) { add(flow_line(seen, start, {})); }
  void end(const std::string& seen, TimePoint start, TimePoint end) {
    add(flow_line(seen, start, end));
  }

  int verdict(const std::string& address, TimePoint when) const {
    QuestionText text;
    text.address = address;
    text.at = utc_text(when);
    Inquiry inquiry{parse_question(text)};
    for (const auto& [sequence, line] : lines_) inquiry.read(line, sequence);
    return static_cast<int>(inquiry.answer(at(3000), at(3600)).verdict);
  }

  std::vector<std::string> events_{"new", "destroy"};
  uint64_t next_ = 1;

 private:
  CoverageRecord make(const std::string& action, TimePoint when) const {
    CoverageRecord record;
    record.action = action;
    record.at = when;
    record.sequence = next_;
    return record;
  }
  std::string flow_line(const std::string& seen, TimePoint start, TimePoint end) const {
    const auto to = *parse_endpoint(seen);
    std::string line = R"({"orig.ip.protocol": 6, "reply.ip.protocol": 6, "orig.l4.sport": 53400, )"
                       R"("orig.l4.dport": 443, "reply.l4.sport": 443, "src_ip": "192.168.1.129", )"
                       R"("dest_ip": "19.1.16.7", "reply.ip.saddr.str": "19.1.16.7", )"
                       R"("event.kind": "event", "flow.start.clock": "kernel", )";
    const auto add = [&](const std::string& key, const std::string& value) {
      line += "\"" + key + "\": \"" + value + "\", ";
    };
    add("reply.ip.daddr.str", address_text(to.address));
    add("flow.id", seen);
    add("event.action", end.known() ? "flow-end" : "flow-start");
    add("@timestamp", utc_text(end.known() ? end : start));
    add("event.start", utc_text(start));
    if (end.known()) add("event.end", utc_text(end));
    return line + "\"reply.l4.dport\": " + std::to_string(*to.port) +
           ", \"event.sequence\": " + std::to_string(next_) + "}\n";
  }
  void add(const CoverageRecord& record) { add(encode_coverage(record)); }
  void add(std::string line) {
    line.pop_back();
    lines_.push_back({next_++, line});
  }

  std::vector<std::pair<uint64_t, std::string>> lines_;
};

TEST_F(WhoSegmentsTest, ANewSegmentInterruptsNothing) {
  begin();
  start("1.2.3.4:53500", at(100));
  coverage("segment-sealed", at(200));
  config(at(200), 3);
  EXPECT_EQ(verdict("1.2.3.4:53500", at(150)), 0);
  EXPECT_EQ(verdict("1.2.3.4:53500", at(200)), 0);
  EXPECT_EQ(verdict("1.2.3.4:53500", at(300)), 0);
  EXPECT_EQ(verdict("1.2.3.4:9", at(200)), 1);
}

// What was before line 1000 has been removed.
TEST_F(WhoSegmentsTest, ALongFlowWhoseStartWasRemovedMayHaveBeenThere) {
  next_ = 1000;
  coverage("segment-sealed", at(100));
  config(at(100), 500);
  start("1.2.3.4:53500", at(150));
  EXPECT_EQ(verdict("1.2.3.4:9", at(50)), 4) << "before the record";
  EXPECT_EQ(verdict("1.2.3.4:9", at(200)), 4);
  EXPECT_EQ(verdict("1.2.3.4:53500", at(200)), 5);
  config(at(1000), 999);
  EXPECT_EQ(verdict("1.2.3.4:9", at(200)), 4) << "one of those is still open";
  config(at(2000), 1000);
  EXPECT_EQ(verdict("1.2.3.4:9", at(200)), 1) << "all of them have ended, and none was it";
  EXPECT_EQ(verdict("1.2.3.4:53500", at(200)), 0);
  EXPECT_EQ(verdict("1.2.3.4:9", at(50)), 4);
}

TEST_F(WhoSegmentsTest, ALongFlowWhoseStartWasRemovedIsToldByItsEnd) {
  next_ = 1000;
  config(at(100), 500);
  end("1.2.3.4:53500", at(-9000), at(1000));
  config(at(2000), 1500);
  EXPECT_EQ(verdict("1.2.3.4:53500", at(500)), 0);
}

TEST_F(WhoSegmentsTest, WhatEndedInAGapWasPerhapsALongFlow) {
  next_ = 1000;
  config(at(100), 500);
  coverage("coverage-gap", at(500), "overrun", at(490));
  resume(at(501), 1001);
  EXPECT_EQ(verdict("1.2.3.4:9", at(600)), 1);
  EXPECT_EQ(verdict("1.2.3.4:9", at(300)), 4) << "its end may be among what was lost";
}

TEST_F(WhoSegmentsTest, AResumeVouchesOnlyForFlowsWhoseLinesAreThere) {
  next_ = 1000;
  config(at(100), 500);
  coverage("coverage-gap", at(500), "overrun", at(490));
  resume(at(501), 999);
  EXPECT_EQ(verdict("1.2.3.4:9", at(600)), 4);
}

TEST_F(WhoSegmentsTest, AResumeDoesNotVouchForAFlowWhoseLineIsMissing) {
  begin();
  ++next_;
  start("9.9.9.9:2", at(200));
  coverage("coverage-gap", at(500), "overrun", at(490));
  coverage("coverage-resume", at(501));
  EXPECT_EQ(verdict("1.2.3.4:9", at(600)), 4) << "the agent knows that flow, and says it no more";
  config(at(700), 4);
  EXPECT_EQ(verdict("1.2.3.4:9", at(600)), 1);
}

TEST_F(WhoSegmentsTest, WithoutDestroyEventsAProofReachesNoFurtherBack) {
  events_ = {"new"};
  next_ = 1000;
  config(at(100), 500);
  config(at(1000), 1000);
  EXPECT_EQ(verdict("1.2.3.4:9", at(500)), 4) << "it may have ended untold";
  EXPECT_EQ(verdict("1.2.3.4:9", at(1100)), 1);
}

TEST_F(WhoSegmentsTest, OtherEventsFromNowOn) {
  begin();
  events_ = {"destroy"};
  config(at(1000), 0);
  EXPECT_EQ(verdict("1.2.3.4:9", at(500)), 1);
  EXPECT_EQ(verdict("1.2.3.4:9", at(1500)), 4);
}

}  // namespace
}  // namespace natledger
