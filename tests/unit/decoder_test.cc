// SPDX-License-Identifier: GPL-2.0-or-later
// Messages cut, damaged and put together by hand after linux/netfilter/nfnetlink_conntrack.h: each
// is a whole flow or a reason, never something in between.
#include "decode/decoder.h"

#include <set>
#include <tuple>

#include <gtest/gtest.h>

#include "unit/conntrack_message.h"
#include "unit/test_support.h"

namespace natledger {
namespace {

// All that a message can say.
auto said(const Flow& f) {
  return std::make_tuple(f.event, f.from_dump, f.family, f.orig, f.reply, f.id, f.mark, f.status,
                         f.timeout_s, f.has_counters, f.has_timeout, f.zone, f.zone_direction,
                         f.tcp_state, f.sctp_state, f.helper, f.labels, f.has_master, f.master,
                         f.kernel_start, f.kernel_stop, f.event_time);
}

// A flow that an earlier message left behind.
Flow dirty() {
  Flow flow;
  EXPECT_EQ(decode(golden_row("tcp_helper_ftp", "NEW").message, flow), Decoded::kFlow);
  flow.zone = 7;
  flow.has_master = true;
  flow.sequence = 9;
  flow.start = {1};
  return flow;
}

Decoded decoded(const Blob& message) {
  Flow flow = dirty();
  const Decoded result = decode(message, flow);
  EXPECT_TRUE(result == Decoded::kFlow || said(flow) == said(Flow{})) << to_text(result);
  EXPECT_EQ(flow.sequence, 0U);
  EXPECT_FALSE(flow.start.known());
  return result;
}

Flow flow_of(const Blob& message) {
  Flow flow = dirty();
  EXPECT_EQ(to_text(decode(message, flow)), "a flow");
  return flow;
}

std::string with_reason(Decoded result) { return std::string{to_text(result)}; }

// The tuples are whole, and each other thing is as in the whole message or absent.
void expect_part_of(const Flow& cut, const Flow& whole) {
  const auto leg_is_whole = [](Leg part, Leg all) {
    const bool has_counters = part.packets == all.packets && part.bytes == all.bytes;
    EXPECT_TRUE(has_counters || (part.packets == 0 && part.bytes == 0));
    part.packets = all.packets = part.bytes = all.bytes = 0;
    EXPECT_TRUE(part == all);
  };
  leg_is_whole(cut.orig, whole.orig);
  leg_is_whole(cut.reply, whole.reply);
  EXPECT_TRUE(!cut.has_master || cut.master == whole.master);
  const auto as_whole_or_absent = [](const auto& part, const auto& all) {
    EXPECT_TRUE(part == all || part == std::decay_t<decltype(part)>{});
  };
  EXPECT_EQ(cut.event, whole.event);
  EXPECT_EQ(cut.family, whole.family);
  as_whole_or_absent(cut.id, whole.id);
  as_whole_or_absent(cut.mark, whole.mark);
  as_whole_or_absent(cut.status, whole.status);
  as_whole_or_absent(cut.timeout_s, whole.timeout_s);
  as_whole_or_absent(cut.zone, whole.zone);
  as_whole_or_absent(cut.tcp_state, whole.tcp_state);
  as_whole_or_absent(cut.sctp_state, whole.sctp_state);
  as_whole_or_absent(cut.helper, whole.helper);
  as_whole_or_absent(cut.labels, whole.labels);
  as_whole_or_absent(cut.kernel_start, whole.kernel_start);
  as_whole_or_absent(cut.kernel_stop, whole.kernel_stop);
  as_whole_or_absent(cut.event_time, whole.event_time);
}

Blob cut_to(const Blob& message, size_t bytes) {
  return {message.begin(), message.begin() + static_cast<ptrdiff_t>(bytes)};
}

TEST(DecoderCut, AMessageShorterThanItsHeaderSaysIsRefused) {
  for (const GoldenRow& row : golden_rows()) {
    for (size_t bytes = 0; bytes < row.message.size(); ++bytes) {
      ASSERT_EQ(decoded(cut_to(row.message, bytes)), Decoded::kShortMessage)
          << row.name << " " << row.event << ", " << bytes << " bytes";
    }
  }
}

TEST(DecoderCut, AMessageThatEndsAnywhereIsAWholeFlowOrARefusal) {
  size_t flows = 0;
  std::set<Decoded> reasons;
  for (const GoldenRow& row : golden_rows()) {
    const Flow whole = flow_of(row.message);
    for (size_t bytes = sizeof(nlmsghdr); bytes < row.message.size(); ++bytes) {
      SCOPED_TRACE(row.name + " " + row.event + ", " + std::to_string(bytes) + " bytes");
      Blob cut = cut_to(row.message, bytes);
      const auto length = static_cast<uint32_t>(bytes);
      std::memcpy(cut.data(), &length, sizeof length);
      Flow flow = dirty();
      const Decoded result = decode(cut, flow);
      if (result == Decoded::kFlow) {
        ++flows;
        expect_part_of(flow, whole);
      } else {
        reasons.insert(result);
        EXPECT_TRUE(said(flow) == said(Flow{}));
      }
      if (testing::Test::HasFailure()) return;
    }
  }
  EXPECT_GT(flows, golden_rows().size()) << "those cut between two attributes";
  EXPECT_EQ(reasons, (std::set{Decoded::kShortMessage, Decoded::kBadAttribute, Decoded::kNoTuple}));
}

struct ReasonCase {
  const char* what;
  Blob message;
  Decoded reason;
};

Blob of_type(uint8_t subsystem, uint8_t type) {
  return netlink_message({subsystem, type, 0, AF_INET}, joined({orig(), reply()}));
}

Blob with_length(Blob message, uint32_t length) {
  std::memcpy(message.data(), &length, sizeof length);
  return message;
}

Blob tuple_of(uint16_t type, std::initializer_list<Blob> parts) { return nested(type, parts); }

void expect_reasons(std::initializer_list<ReasonCase> cases) {
  for (const ReasonCase& c : cases) {
    EXPECT_EQ(with_reason(decoded(c.message)), with_reason(c.reason)) << c.what;
  }
}

TEST(DecoderReasons, WhatIsNoEventIsIgnored) {
  expect_reasons({
      {"of nf_tables", of_type(NFNL_SUBSYS_NFTABLES, 0), Decoded::kIgnored},
      {"an expectation", of_type(NFNL_SUBSYS_CTNETLINK_EXP, 0), Decoded::kIgnored},
      {"statistics", of_type(NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET_STATS), Decoded::kIgnored},
      {"an error", of_type(0, NLMSG_ERROR), Decoded::kIgnored},
      {"the end of a dump", of_type(0, NLMSG_DONE), Decoded::kIgnored},
      {"an event", of_type(NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_NEW), Decoded::kFlow},
      {"an end", of_type(NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE), Decoded::kFlow},
  });
  EXPECT_FALSE(is_malformed(Decoded::kIgnored));
  EXPECT_FALSE(is_malformed(Decoded::kFlow));
  EXPECT_TRUE(is_malformed(Decoded::kShortMessage));
}

TEST(DecoderReasons, Lengths) {
  const Blob whole = event(Extra{});
  const auto bytes = static_cast<uint32_t>(whole.size());
  expect_reasons({
      {"nothing", {}, Decoded::kShortMessage},
      {"a header cut short", cut_to(whole, 15), Decoded::kShortMessage},
      {"longer than what is there", with_length(whole, bytes + 1), Decoded::kShortMessage},
      {"shorter than its header", with_length(whole, 15), Decoded::kShortMessage},
      {"endless", with_length(whole, UINT32_MAX), Decoded::kShortMessage},
      {"a header alone", with_length(cut_to(whole, 16), 16), Decoded::kShortMessage},
      {"no attributes", with_length(cut_to(whole, 20), 20), Decoded::kNoTuple},
      {"bytes behind it", joined({whole, Blob(3)}), Decoded::kFlow},
      {"its last byte missing", with_length(cut_to(whole, bytes - 1), bytes - 1),
       Decoded::kBadAttribute},
  });
}

TEST(DecoderReasons, Attributes) {
  const Blob zeros(4);  // an attribute of no bytes, not even its own four
  const Blob endless{std::byte{0xff}, std::byte{0xff}, std::byte{CTA_MARK}, std::byte{0}};
  expect_reasons({
      {"of no length", event({.top = zeros}), Decoded::kBadAttribute},
      {"longer than the message", event({.top = endless}), Decoded::kBadAttribute},
      {"half a header", event({.top = Blob(2)}), Decoded::kBadAttribute},
      {"broken within a tuple", event({.tuple = zeros}), Decoded::kBadAttribute},
      {"broken among addresses", event({.ip = endless}), Decoded::kBadAttribute},
      {"broken among ports", event({.protocol = zeros}), Decoded::kBadAttribute},
      {"broken among counters", event({.top = nested(CTA_COUNTERS_REPLY, {zeros})}),
       Decoded::kBadAttribute},
      {"broken before the tuples", event({zeros, orig(), reply()}), Decoded::kBadAttribute},
  });
}

TEST(DecoderReasons, Tuples) {
  const Blob v6 = ends("2001:db8::1", "2001:db8::2");
  const Blob only_source =
      nested(CTA_TUPLE_IP, {attribute(CTA_IP_V4_SRC, address("192.168.1.129"))});
  const Blob no_number =
      nested(CTA_TUPLE_PROTO, {attribute(CTA_PROTO_SRC_PORT, big_endian(53400, 2))});
  const Blob v4 = ends("192.168.1.129", "19.1.16.7");
  const auto with_orig = [](std::initializer_list<Blob> parts) {
    return event({tuple_of(CTA_TUPLE_ORIG, parts), reply()});
  };
  const auto with_master = [](std::initializer_list<Blob> parts) {
    return event({.top = tuple_of(CTA_TUPLE_MASTER, parts)});
  };
  const Blob p = ports(53400, 443);
  expect_reasons({
      {"only the reply", event({reply()}), Decoded::kNoTuple},
      {"only the original", event({orig()}), Decoded::kNoTuple},
      {"empty", with_orig({}), Decoded::kNoTuple},
      {"no addresses", with_orig({p}), Decoded::kNoTuple},
      {"one address", with_orig({only_source, p}), Decoded::kNoTuple},
      {"no protocol", with_orig({v4}), Decoded::kNoTuple},
      {"ports without a protocol", with_orig({v4, no_number}), Decoded::kNoTuple},
      {"an empty parent", with_master({}), Decoded::kNoTuple},
      {"a parent", with_master({v4, p}), Decoded::kFlow},
      {"a parent of the other family", with_master({v6, p}), Decoded::kWrongFamily},
      {"IPv6 in an IPv4 message", with_orig({v6, p}), Decoded::kWrongFamily},
      {"mixed", with_orig({ends("192.168.1.129", "2001:db8::2"), p}), Decoded::kWrongFamily},
      {"IPv4 in an IPv6 message", event({orig(), reply()}, AF_INET6), Decoded::kWrongFamily},
      {"no family", event({orig(), reply()}, AF_UNSPEC), Decoded::kWrongFamily},
      {"another family", event({orig(), reply()}, AF_BRIDGE), Decoded::kWrongFamily},
  });
}

TEST(DecoderReasons, EachHasAText) {
  std::set<std::string_view> texts;
  for (int i = 0; i <= static_cast<int>(Decoded::kWrongFamily); ++i) {
    texts.insert(to_text(static_cast<Decoded>(i)));
  }
  EXPECT_EQ(texts, (std::set<std::string_view>{
                       "a flow", "not a conntrack event", "shorter than its header says",
                       "an attribute of the wrong size", "a tuple is missing",
                       "neither IPv4 nor IPv6 throughout"}));
}

}  // namespace
}  // namespace natledger
