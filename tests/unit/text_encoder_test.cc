// SPDX-License-Identifier: GPL-2.0-or-later
// LOGEMU lines against those that ulogd2 wrote for the same messages.
#include <gtest/gtest.h>

#include "decode/decoder.h"
#include "encode/encoder.h"
#include "encode/local_time.h"
#include "flow/protocol.h"
#include "unit/test_support.h"
#include "unit/time_zone.h"

namespace natledger {
namespace {

constexpr size_t kTimeBytes = 15;  // "Nov 22 07:09:00"

std::string encode(const Flow& flow, const std::string& host = "vm") {
  EncoderOptions options;
  options.host = host;
  return std::string{make_encoder(Record::kText, options)->encode(flow)};
}

Flow flow_of(const GoldenRow& row) {
  Flow flow;
  EXPECT_EQ(decode(row.message, flow), Decoded::kFlow) << row.name;
  flow.receipt = row.received;
  return flow;
}

// Each recorded line of one event; how many there were.
size_t compare_all(std::string_view event) {
  size_t compared = 0;
  for (const GoldenRow& row : golden_rows()) {
    // Polling records an end that no message tells.
    const bool polled = row.mode.find("polling") != std::string::npos;
    if (row.logemu.empty() || row.event != event || polled) continue;
    const TimeZone zone{row.tz};
    const std::string line = encode(flow_of(row));
    EXPECT_EQ(line.substr(kTimeBytes), row.logemu.substr(kTimeBytes) + "\n") << row.name;
    ++compared;
  }
  return compared;
}

TEST(TextEncoder, StartsAreAsUlogd2WroteThem) { EXPECT_EQ(compare_all("NEW"), 108U); }

TEST(TextEncoder, EndsAreAsUlogd2WroteThem) { EXPECT_EQ(compare_all("DESTROY"), 174U); }

TEST(TextEncoder, EntriesOfATableAreAsUlogd2WroteThem) { EXPECT_EQ(compare_all("UPDATE"), 4U); }

TEST(TextEncoder, EachSecondHasItsTime) {
  const TimeZone zone{"UTC"};
  const auto encoder = make_encoder(Record::kText, EncoderOptions{});
  Flow flow = flow_of(golden_rows().front());
  for (const int64_t second : {1795331340, 1795331340, 1795331341, 1795331399, 1795331340}) {
    flow.receipt = {second * 1'000'000'000};
    EXPECT_EQ(encoder->encode(flow).substr(0, kTimeBytes), local_ctime_text(second));
  }
}

TEST(TextEncoder, TheTimeIsTheReceiptInLocalTime) {
  size_t same = 0, compared = 0;
  for (const GoldenRow& row : golden_rows()) {
    if (row.logemu.empty() || !row.event_mode()) continue;
    const TimeZone zone{row.tz};
    const std::string line = encode(flow_of(row));
    EXPECT_EQ(line.substr(0, kTimeBytes), local_ctime_text(row.received.seconds())) << row.name;
    if (line.starts_with(row.logemu.substr(0, kTimeBytes))) ++same;
    ++compared;
  }
  // ulogd2 reads a coarser clock than the recorder's, and so may be a second behind.
  EXPECT_GE(same, compared * 9 / 10);
}

struct HostCase {
  const char* host;
  const char* written;
};

TEST(TextEncoder, TheHostIsCutAtItsFirstDot) {
  const TimeZone zone{"UTC"};
  const Flow flow = flow_of(golden_row("tcp_snat", "NEW"));
  const HostCase cases[] = {
      {"vm", "vm"},
      {"gw1.example.org", "gw1"},
      {"", ""},
      {".org", ""},
  };
  for (const HostCase& c : cases) {
    const std::string begin = "Nov 22 07:09:00 " + std::string{c.written} + " [NEW] ORIG: SRC=";
    EXPECT_TRUE(encode(flow, c.host).starts_with(begin)) << encode(flow, c.host);
  }
  const std::string longest(1000, 'h');
  EXPECT_NE(encode(flow, longest).find(" " + longest + " [NEW] "), std::string::npos);
}

TEST(TextEncoder, TheLongestLineIsWhole) {
  const TimeZone zone{"UTC"};
  Flow flow;
  flow.event = Event::kDestroy;
  flow.receipt = {1795331340 * kNsPerSecond};
  const std::string address = "1111:2222:3333:4444:5555:6666:7777:8888";
  for (Leg* leg : {&flow.orig, &flow.reply}) {
    leg->source = leg->target = *parse_address(address);
    leg->protocol = kTcp;
    leg->source_port = leg->target_port = 65535;
    leg->packets = leg->bytes = UINT64_MAX;
  }
  const std::string leg = "SRC=" + address + " DST=" + address +
                          " PROTO=TCP SPT=65535 DPT=65535 PKTS=18446744073709551615 "
                          "BYTES=18446744073709551615 ";
  EXPECT_EQ(encode(flow), "Nov 22 07:09:00 vm [DESTROY] ORIG: " + leg + ", REPLY: " + leg + "\n");
}

}  // namespace
}  // namespace natledger
