// SPDX-License-Identifier: GPL-2.0-or-later
// Questions over a few lines of a ledger: the verdict, and why.
#include "lookup/who.h"

#include <gtest/gtest.h>

#include "encode/coverage.h"
#include "lookup/answer_text.h"

namespace natledger {
namespace {

// Seconds after 12:00:00 of one day.
TimePoint at(double seconds) {
  return *parse_rfc3339("2026-11-22T12:00:00Z") + Duration{static_cast<int64_t>(seconds * 1e9)};
}

struct FlowText {
  std::string inside = "192.168.1.129:53400";
  std::string seen = "1.2.3.4:53500";
  std::string remote = "19.1.16.7:443";
  TimePoint start{};
  TimePoint end{};
  std::string clock = "kernel";
  int zone = 0;
  TimePoint not_after{};
};

// Writes a ledger line by line.
class WhoTest : public testing::Test {
 protected:
  void coverage(const std::string& action, TimePoint when, const std::string& reason = "",
                TimePoint from = {}) {
    CoverageRecord record;
    record.action = action;
    record.at = when;
    record.sequence = next_;
    record.reason = reason;
    record.from = from;
    if (from.known()) record.to = when;
    if (action == "coverage-start") record.events = events_;
    add(encode_coverage(record));
  }

  // A record running from 12:00:00 on, of which all that was open before is known.
  void begin() {
    coverage("coverage-start", at(0));
    coverage("coverage-resume", at(0));
  }

  void skipped(uint64_t to, TimePoint when = at(1)) {
    CoverageRecord record;
    record.action = "sequence-skipped";
    record.at = when;
    record.from_sequence = next_;
    record.to_sequence = to;
    next_ = to + 1;
    record.sequence = next_;
    add(encode_coverage(record));
  }

  void start(const std::string& id, const FlowText& flow) { add(flow_line(id, flow, false)); }
  void end(const std::string& id, const FlowText& flow) { add(flow_line(id, flow, true)); }

  std::string flow_line(const std::string& id, const FlowText& flow, bool is_end) const {
    const auto inside = *parse_endpoint(flow.inside);
    const auto seen = *parse_endpoint(flow.seen);
    const auto remote = *parse_endpoint(flow.remote);
    const auto quoted = [](const std::string& key, const std::string& value) {
      return "\"" + key + "\": \"" + value + "\", ";
    };
    const auto number = [](const std::string& key, uint64_t value) {
      return "\"" + key + "\": " + std::to_string(value) + ", ";
    };
    std::string line = "{" + number("orig.ip.protocol", 6) + number("reply.ip.protocol", 6);
    line += number("orig.l4.sport", *inside.port) + number("orig.l4.dport", *remote.port);
    line += number("reply.l4.sport", *remote.port) + number("reply.l4.dport", *seen.port);
    line += quoted("src_ip", address_text(inside.address));
    line += quoted("dest_ip", address_text(remote.address));
    line += quoted("reply.ip.saddr.str", address_text(remote.address));
    line += quoted("reply.ip.daddr.str", address_text(seen.address));
    const TimePoint known = flow.start.known() ? flow.start : flow.not_after;
    line += quoted("@timestamp", utc_text(is_end ? flow.end : known));
    line += quoted("event.kind", "event") + number("event.sequence", next_);
    line += quoted("event.action", is_end ? "flow-end" : "flow-start") + quoted("flow.id", id);
    if (flow.start.known()) {
      line += quoted("event.start", utc_text(flow.start)) + quoted("flow.start.clock", flow.clock);
    }
    if (flow.not_after.known()) line += quoted("flow.start.not_after", utc_text(flow.not_after));
    if (is_end) line += quoted("event.end", utc_text(flow.end));
    if (flow.zone != 0) line += number("conntrack.zone", static_cast<uint64_t>(flow.zone));
    return line + "\"conntrack.nat.kind\": \"snat\"}\n";
  }

  void add(std::string line) {
    line.pop_back();
    lines_.push_back({next_++, line});
  }

  void lose_line() { ++next_; }
  // The last line, with `from` in place of `to`.
  void damage(const std::string& from, const std::string& to) {
    std::string& line = lines_.back().second;
    const size_t found = line.find(from);
    ASSERT_NE(found, std::string::npos) << line;
    line.replace(found, from.size(), to);
  }

  Answer ask(const std::string& address, TimePoint when, const std::string& remote = "") {
    QuestionText text;
    text.address = address;
    text.at = utc_text(when);
    text.remote = remote;
    Inquiry inquiry{parse_question(text)};
    for (const auto& [sequence, line] : lines_) inquiry.read(line, sequence);
    return inquiry.answer(covered_to_, at(3600));
  }
  int verdict(const std::string& address, TimePoint when, const std::string& remote = "") {
    return static_cast<int>(ask(address, when, remote).verdict);
  }

  std::vector<std::string> events_{"new", "destroy"};
  TimePoint covered_to_ = at(3000);

  std::vector<std::pair<uint64_t, std::string>> lines_;
  uint64_t next_ = 1;
};

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

TEST_F(WhoTest, ACertainNameIsNeverGivenBesideAHole) {
  begin();
  start("a", {.start = at(100)});
  coverage("coverage-gap", at(500), "overrun", at(490));
  coverage("coverage-resume", at(501));
  EXPECT_EQ(verdict("1.2.3.4:53500", at(400)), 0);
  EXPECT_EQ(verdict("1.2.3.4:53500", at(495)), 5);
  EXPECT_EQ(verdict("1.2.3.4:53500", at(600)), 5) << "its end may have been lost";
  end("a", {.start = at(100), .end = at(700)});
  EXPECT_EQ(verdict("1.2.3.4:53500", at(600)), 0) << "it had not been";
  EXPECT_EQ(verdict("1.2.3.4:53500", at(495)), 5) << "another may have come and gone";
}

TEST_F(WhoTest, AnAgentThatWasDownCoversNothing) {
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

TEST_F(WhoTest, AKilledAgentCoversToTheGapItsSuccessorTellsOf) {
  begin();
  coverage("coverage-gap", at(400), "agent-down", at(200));
  coverage("coverage-start", at(400));
  coverage("coverage-resume", at(400));
  EXPECT_EQ(verdict("1.2.3.4:9", at(190)), 1);
  EXPECT_EQ(verdict("1.2.3.4:9", at(300)), 4);
  EXPECT_EQ(verdict("1.2.3.4:9", at(450)), 1);
}

TEST_F(WhoTest, MissingLinesAreAHole) {
  begin();
  start("x", {.seen = "9.9.9.9:1", .start = at(100)});
  lose_line();
  start("y", {.seen = "9.9.9.9:2", .start = at(200)});
  EXPECT_EQ(verdict("1.2.3.4:53500", at(150)), 4);
  EXPECT_EQ(verdict("1.2.3.4:53500", at(50)), 1);
  EXPECT_EQ(ask("1.2.3.4:53500", at(150)).holes.at(0).reason, "lines-missing");
}

TEST_F(WhoTest, SkippedNumbersAreNoHoleOfTheirOwn) {
  begin();
  skipped(5000);
  EXPECT_EQ(verdict("1.2.3.4:53500", at(50)), 1);
  // Nor do they, or a seal, say that the record is whole till then.
  covered_to_ = {};
  skipped(9000, at(2000));
  coverage("segment-sealed", at(2000));
  EXPECT_EQ(verdict("1.2.3.4:53500", at(1000)), 4);
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

}  // namespace
}  // namespace natledger
