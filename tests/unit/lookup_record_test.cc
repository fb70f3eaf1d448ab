// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "lookup/question.h"
#include "lookup/record.h"
#include "unit/test_support.h"

namespace natledger {
namespace {

// The flow of a case's golden full line; `which` counts from 0.
FlowRecord golden_flow(const std::string& name, size_t which) {
  const std::string text = *read_file(test_data("golden/" + name + "/full.jsonl"));
  size_t start = 0;
  for (size_t i = 0; i < which; ++i) start = text.find('\n', start) + 1;
  return *parse_record(std::string_view{text}.substr(start, text.find('\n', start) - start))->flow;
}

struct SideCase {
  const char* name;
  std::vector<std::array<const char*, 3>> sides;  // seen, inside, remote
};

class PublicSides : public testing::TestWithParam<SideCase> {};

TEST_P(PublicSides, OfAGoldenLine) {
  const FlowRecord flow = golden_flow(GetParam().name, 0);
  ASSERT_EQ(flow.sides.size(), GetParam().sides.size());
  for (size_t i = 0; i < flow.sides.size(); ++i) {
    EXPECT_EQ(endpoint_text(flow.sides[i].seen), GetParam().sides[i][0]);
    EXPECT_EQ(endpoint_text(flow.sides[i].inside), GetParam().sides[i][1]);
    EXPECT_EQ(endpoint_text(flow.sides[i].remote), GetParam().sides[i][2]);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cases, PublicSides,
    testing::Values(
        SideCase{"tcp_snat", {{"1.2.3.4:48546", "192.168.1.129:48546", "19.1.16.7:443"}}},
        SideCase{"tcp_dnat", {{"1.2.3.4:8443", "192.168.1.129:443", "1.2.3.9:57314"}}},
        SideCase{"tcp_snat_and_dnat",
                 {{"1.2.3.4:33830", "192.168.1.129:33830", "1.2.3.9:443"},
                  {"1.2.3.4:9443", "1.2.3.9:443", "192.168.1.129:33830"}}},
        SideCase{"icmp_timestamp", {{"1.2.3.4:119", "192.168.1.129:119", "19.1.16.7:119"}}},
        SideCase{"icmpv6_echo",
                 {{"[fd00:1::81]:14888", "[fd00:1::81]:14888", "[2001:db8:2::9]:14888"}}},
        SideCase{"inject_gre_keys", {{"10.9.8.7:17", "10.9.8.7:17", "8.8.4.4:34"}}},
        SideCase{"esp_snat", {{"1.2.3.4", "192.168.1.129", "19.1.16.7"}}}),
    [](const auto& row) { return std::string{row.param.name}; });

TEST(LookupRecord, TimesOfAnEnd) {
  const FlowRecord flow = golden_flow("tcp_snat", 1);
  EXPECT_TRUE(flow.is_end);
  EXPECT_EQ(utc_text(flow.start), "2026-11-22T07:09:00.431428Z");
  EXPECT_EQ(utc_text(flow.end), "2026-11-22T07:09:12.801210Z");
  EXPECT_EQ(flow.start_clock, "kernel");
  EXPECT_EQ(flow.flow_id, "golden-0-1");
}

TEST(LookupRecord, WhatIsNoRecordIsNothing) {
  EXPECT_FALSE(parse_record(""));
  EXPECT_FALSE(parse_record("{"));
  EXPECT_FALSE(parse_record("[]"));
  EXPECT_FALSE(parse_record("{}"));
  EXPECT_FALSE(parse_record(R"({"event.kind": "alert"})"));
  EXPECT_FALSE(parse_record(std::string(1'000'000, '[')));
  // Wrong types are as good as absent, and no flow lacks its ends.
  EXPECT_FALSE(parse_record(R"({"event.kind": "event", "src_ip": 5, "orig.l4.sport": "x",)"
                            R"( "conntrack.gre.key": ["a", {}], "conntrack.public": [7, null]})"));
  EXPECT_FALSE(parse_record(R"({"event.kind": "event", "orig.l4.sport": 99999999999})"));
}

struct BadQuestion {
  QuestionText text;
  const char* error;
};

TEST(Question, BadPartsAreNamed) {
  const std::vector<BadQuestion> rows{
      {{"1.2.3", "2026-11-22T12:00:00Z", "", "", "", ""},
       "ADDRESS: \"1.2.3\" is not an address, such as 1.2.3.4:53500 or [2001:db8::1]:80"},
      {{"1.2.3.4:5", "yesterday", "", "", "", ""},
       "--at: \"yesterday\" is not a time with its offset, such as 2014-02-22T12:27:04Z or "
       "2014-02-22T13:27:04+01:00"},
      {{"1.2.3.4:5", "2026-11-22T12:00:00Z", "5", "", "", ""},
       "--skew: \"5\" is not a time such as 2s"},
      {{"1.2.3.4:5", "2026-11-22T12:00:00Z", "", "tpc", "", ""},
       "--protocol: \"tpc\" is no protocol: tcp, udp, icmp, ipv6-icmp, sctp, gre ... or a number"},
      {{"1.2.3.4:5", "2026-11-22T12:00:00Z", "", "", "x", ""},
       "--remote: \"x\" is not an address, such as 1.2.3.4:53500 or [2001:db8::1]:80"},
  };
  for (const BadQuestion& row : rows) {
    try {
      parse_question(row.text);
      ADD_FAILURE() << row.error;
    } catch (const ConfigError& error) {
      EXPECT_STREQ(error.what(), row.error);
    }
  }
}

TEST(Question, GoodPartsAreRead) {
  const Question question = parse_question(
      {"[2001:db8::1]:80", "2014-02-22T12:27:04Z", "500ms", "ipv6-icmp", "19.1.16.7", "A-1"});
  EXPECT_EQ(question.text(),
            "[2001:db8::1]:80/ipv6-icmp at 2014-02-22T12:27:04.000000Z, remote end 19.1.16.7");
  EXPECT_EQ(question.skew, Duration{std::chrono::milliseconds{500}});
  EXPECT_FALSE(question.remote->port);
}

}  // namespace
}  // namespace natledger
