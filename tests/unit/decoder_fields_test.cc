// SPDX-License-Identifier: GPL-2.0-or-later
// What each attribute becomes, in what sizes it is taken, and what is passed over.
#include <functional>

#include <gtest/gtest.h>

#include "decode/decoder.h"
#include "unit/conntrack_message.h"

namespace natledger {
namespace {

// Linux 6.14's, newer than our headers.
constexpr uint16_t kTimestampEvent = 27;

Flow flow_of(const Blob& message) {
  Flow flow;
  EXPECT_EQ(to_text(decode(message, flow)), "a flow");
  return flow;
}

Flow flow_with(const Blob& top) { return flow_of(event({.top = top})); }

struct KindCase {
  uint8_t type;
  uint16_t flags;
  Event event;
  bool from_dump;
};

TEST(DecoderFields, TheKindOfAnEventIsInTypeAndFlags) {
  const KindCase cases[] = {
      {IPCTNL_MSG_CT_NEW, NLM_F_CREATE | NLM_F_EXCL, Event::kNew, false},
      {IPCTNL_MSG_CT_NEW, NLM_F_CREATE, Event::kNew, false},
      {IPCTNL_MSG_CT_NEW, 0, Event::kUpdate, false},
      {IPCTNL_MSG_CT_NEW, NLM_F_MULTI, Event::kUpdate, true},
      {IPCTNL_MSG_CT_DELETE, 0, Event::kDestroy, false},
      {IPCTNL_MSG_CT_DELETE, NLM_F_CREATE, Event::kDestroy, false},
  };
  for (const KindCase& c : cases) {
    const Flow flow = flow_of(netlink_message({NFNL_SUBSYS_CTNETLINK, c.type, c.flags, AF_INET},
                                              joined({orig(), reply()})));
    EXPECT_EQ(flow.event, c.event) << c.flags;
    EXPECT_EQ(flow.from_dump, c.from_dump) << c.flags;
  }
}

TEST(DecoderFields, Ipv4) {
  const Flow flow = flow_of(event(Extra{}));
  EXPECT_EQ(flow.family, AF_INET);
  EXPECT_EQ(address_text(flow.orig.source), "192.168.1.129");
  EXPECT_EQ(address_text(flow.orig.target), "19.1.16.7");
  EXPECT_EQ(address_text(flow.reply.source), "19.1.16.7");
  EXPECT_EQ(address_text(flow.reply.target), "1.2.3.4");
  EXPECT_EQ(flow.orig.protocol, 6);
  EXPECT_EQ(flow.orig.source_port, 53400);
  EXPECT_EQ(flow.orig.target_port, 443);
  EXPECT_EQ(flow.reply.source_port, 443);
  EXPECT_EQ(flow.reply.target_port, 53500);
  EXPECT_FALSE(flow.has_counters || flow.has_timeout || flow.has_master);
  EXPECT_FALSE(flow.kernel_start.known() || flow.kernel_stop.known() || flow.event_time.known());
}

TEST(DecoderFields, Ipv6AndItsIcmp) {
  const Blob icmp = nested(CTA_TUPLE_PROTO, {attribute(CTA_PROTO_NUM, big_endian(58, 1)),
                                             attribute(CTA_PROTO_ICMPV6_ID, big_endian(0xbeef, 2)),
                                             attribute(CTA_PROTO_ICMPV6_TYPE, big_endian(128, 1)),
                                             attribute(CTA_PROTO_ICMPV6_CODE, big_endian(3, 1))});
  const Flow flow =
      flow_of(event({nested(CTA_TUPLE_ORIG, {ends("2001:db8::1", "2001:db8::2"), icmp}),
                     nested(CTA_TUPLE_REPLY, {ends("2001:db8::2", "2001:db8::1"), icmp})},
                    AF_INET6));
  EXPECT_EQ(flow.family, AF_INET6);
  EXPECT_EQ(address_text(flow.orig.source), "2001:db8::1");
  EXPECT_EQ(address_text(flow.reply.source), "2001:db8::2");
  EXPECT_EQ(flow.orig.protocol, 58);
  EXPECT_EQ(flow.orig.icmp_id, 0xbeef);
  EXPECT_EQ(flow.orig.icmp_type, 128);
  EXPECT_EQ(flow.orig.icmp_code, 3);
}

TEST(DecoderFields, Numbers) {
  const Flow flow = flow_with(joined({
      attribute(CTA_STATUS, big_endian(0x18e, 4)),
      attribute(CTA_MARK, big_endian(0xfffffffe, 4)),
      attribute(CTA_ID, big_endian(0x80000001, 4)),
      attribute(CTA_TIMEOUT, big_endian(432000, 4)),
      nested(CTA_COUNTERS_ORIG, {attribute(CTA_COUNTERS_PACKETS, big_endian(1, 8)),
                                 attribute(CTA_COUNTERS_BYTES, big_endian(UINT64_MAX, 8))}),
      nested(CTA_COUNTERS_REPLY, {attribute(CTA_COUNTERS_PACKETS, big_endian(3, 8)),
                                  attribute(CTA_COUNTERS_BYTES, big_endian(1ULL << 32, 8))}),
      nested(CTA_TIMESTAMP, {attribute(CTA_TIMESTAMP_START, big_endian(1795331340431574999, 8)),
                             attribute(CTA_TIMESTAMP_STOP, big_endian(1795331350000000001, 8))}),
      attribute(kTimestampEvent, big_endian(1795331360000000002, 8)),
      nested(CTA_PROTOINFO,
             {nested(CTA_PROTOINFO_TCP, {attribute(CTA_PROTOINFO_TCP_STATE, big_endian(3, 1))})}),
  }));
  EXPECT_EQ(flow.status, 0x18eU);
  EXPECT_EQ(flow.mark, 0xfffffffeU);
  EXPECT_EQ(flow.id, 0x80000001U);
  EXPECT_TRUE(flow.has_timeout);
  EXPECT_EQ(flow.timeout_s, 432000U);
  EXPECT_TRUE(flow.has_counters);
  EXPECT_EQ(flow.orig.packets, 1U);
  EXPECT_EQ(flow.orig.bytes, UINT64_MAX);
  EXPECT_EQ(flow.reply.packets, 3U);
  EXPECT_EQ(flow.reply.bytes, 1ULL << 32);
  EXPECT_EQ(flow.kernel_start.ns, 1795331340431574999);
  EXPECT_EQ(flow.kernel_stop.ns, 1795331350000000001);
  EXPECT_EQ(flow.event_time.ns, 1795331360000000002);
  EXPECT_EQ(flow.tcp_state, 3);
  EXPECT_EQ(flow.sctp_state, 0);
}

TEST(DecoderFields, WhatEndsDoNotTell) {
  Blob labels(16);
  labels[0] = std::byte{0x08};   // bit 3
  labels[15] = std::byte{0x80};  // bit 127
  const Flow flow = flow_with(joined({
      nested(CTA_HELP, {attribute(CTA_HELP_NAME, c_string("ftp"))}),
      attribute(CTA_LABELS, labels),
      nested(CTA_TUPLE_MASTER, {ends("192.168.1.129", "19.1.16.8"), ports(40000, 21)}),
      nested(CTA_PROTOINFO,
             {nested(CTA_PROTOINFO_SCTP, {attribute(CTA_PROTOINFO_SCTP_STATE, big_endian(4, 1))})}),
  }));
  EXPECT_EQ(flow.helper.view(), "ftp");
  EXPECT_EQ(flow.labels.words[0], 1ULL << 3);
  EXPECT_EQ(flow.labels.words[1], 1ULL << 63);
  EXPECT_TRUE(flow.has_master);
  EXPECT_EQ(address_text(flow.master.target), "19.1.16.8");
  EXPECT_EQ(flow.master.target_port, 21);
  EXPECT_EQ(flow.sctp_state, 4);
  EXPECT_EQ(flow.tcp_state, 0);
}

struct ZoneCase {
  const char* what;
  Blob message;
  uint16_t zone;
  ZoneDirection direction;
};

TEST(DecoderFields, Zones) {
  const Blob of_flow = attribute(CTA_ZONE, big_endian(9, 2));
  const Blob of_tuple = attribute(CTA_TUPLE_ZONE, big_endian(300, 2));
  const ZoneCase cases[] = {
      {"none", event(Extra{}), 0, ZoneDirection::kBoth},
      {"of both directions", event({.top = of_flow}), 9, ZoneDirection::kBoth},
      {"of the original", event({.tuple = of_tuple}), 300, ZoneDirection::kOrig},
      {"of the reply", event({orig(), reply(of_tuple)}), 300, ZoneDirection::kReply},
      {"of the parent, which is not ours",
       event({.top = nested(CTA_TUPLE_MASTER,
                            {ends("192.168.1.129", "19.1.16.8"), ports(1, 2), of_tuple})}),
       0, ZoneDirection::kBoth},
  };
  for (const ZoneCase& c : cases) {
    const Flow flow = flow_of(c.message);
    EXPECT_EQ(flow.zone, c.zone) << c.what;
    EXPECT_EQ(flow.zone_direction, c.direction) << c.what;
  }
}

struct SizeCase {
  const char* what;
  size_t right;
  std::function<Extra(const Blob&)> with;
};

// An Extra of one attribute on the top level, within the nests given.
std::function<Extra(const Blob&)> on_top(uint16_t type, std::vector<uint16_t> nests = {}) {
  return [=](const Blob& value) {
    Blob blob = attribute(type, value);
    for (const uint16_t nest : nests) blob = nested(nest, {blob});
    return Extra{.top = blob};
  };
}
std::function<Extra(const Blob&)> among_addresses(uint16_t type) {
  return [=](const Blob& value) { return Extra{.ip = attribute(type, value)}; };
}
std::function<Extra(const Blob&)> among_ports(uint16_t type) {
  return [=](const Blob& value) { return Extra{.protocol = attribute(type, value)}; };
}

TEST(DecoderFields, EachHasOneSize) {
  const SizeCase cases[] = {
      {"status", 4, on_top(CTA_STATUS)},
      {"mark", 4, on_top(CTA_MARK)},
      {"id", 4, on_top(CTA_ID)},
      {"timeout", 4, on_top(CTA_TIMEOUT)},
      {"zone", 2, on_top(CTA_ZONE)},
      {"event time", 8, on_top(kTimestampEvent)},
      {"start", 8, on_top(CTA_TIMESTAMP_START, {CTA_TIMESTAMP})},
      {"stop", 8, on_top(CTA_TIMESTAMP_STOP, {CTA_TIMESTAMP})},
      {"packets", 8, on_top(CTA_COUNTERS_PACKETS, {CTA_COUNTERS_ORIG})},
      {"bytes", 8, on_top(CTA_COUNTERS_BYTES, {CTA_COUNTERS_REPLY})},
      {"TCP state", 1, on_top(CTA_PROTOINFO_TCP_STATE, {CTA_PROTOINFO_TCP, CTA_PROTOINFO})},
      {"SCTP state", 1, on_top(CTA_PROTOINFO_SCTP_STATE, {CTA_PROTOINFO_SCTP, CTA_PROTOINFO})},
      {"IPv4 source", 4, among_addresses(CTA_IP_V4_SRC)},
      {"IPv4 target", 4, among_addresses(CTA_IP_V4_DST)},
      {"IPv6 source", 16, among_addresses(CTA_IP_V6_SRC)},
      {"IPv6 target", 16, among_addresses(CTA_IP_V6_DST)},
      {"protocol", 1, among_ports(CTA_PROTO_NUM)},
      {"source port", 2, among_ports(CTA_PROTO_SRC_PORT)},
      {"target port", 2, among_ports(CTA_PROTO_DST_PORT)},
      {"ICMP id", 2, among_ports(CTA_PROTO_ICMP_ID)},
      {"ICMP type", 1, among_ports(CTA_PROTO_ICMP_TYPE)},
      {"ICMP code", 1, among_ports(CTA_PROTO_ICMP_CODE)},
      {"ICMPv6 id", 2, among_ports(CTA_PROTO_ICMPV6_ID)},
      {"ICMPv6 type", 1, among_ports(CTA_PROTO_ICMPV6_TYPE)},
      {"ICMPv6 code", 1, among_ports(CTA_PROTO_ICMPV6_CODE)},
      {"zone of a tuple", 2,
       [](const Blob& value) { return Extra{.tuple = attribute(CTA_TUPLE_ZONE, value)}; }},
  };
  for (const SizeCase& c : cases) {
    for (size_t bytes = 0; bytes <= 20; ++bytes) {
      Flow flow;
      const bool refused = decode(event(c.with(Blob(bytes))), flow) == Decoded::kBadAttribute;
      EXPECT_EQ(refused, bytes != c.right) << c.what << ", " << bytes << " bytes";
    }
  }
}

TEST(DecoderFields, HelperNamesAndLabelsHaveAMost) {
  const auto helper = [](const Blob& name) {
    Flow flow;
    const Blob top = nested(CTA_HELP, {attribute(CTA_HELP_NAME, name)});
    const Decoded result = decode(event({.top = top}), flow);
    return result == Decoded::kFlow ? std::string{flow.helper.view()}
                                    : std::string{to_text(result)};
  };
  const std::string refused{to_text(Decoded::kBadAttribute)};
  EXPECT_EQ(helper(c_string("Q.931")), "Q.931");
  EXPECT_EQ(helper(c_string("")), "");
  EXPECT_EQ(helper({}), "");
  EXPECT_EQ(helper(c_string("netbios-ns12345")), "netbios-ns12345") << "NF_CT_HELPER_NAME_LEN";
  EXPECT_EQ(helper({std::byte{'f'}, std::byte{'t'}, std::byte{'p'}}), "ftp") << "no NUL";
  EXPECT_EQ(helper(Blob(16, std::byte{'x'})), std::string(16, 'x'));
  EXPECT_EQ(helper(Blob(17, std::byte{'x'})), refused);
  for (size_t bytes = 0; bytes <= 24; ++bytes) {
    Flow flow;
    const Blob top = attribute(CTA_LABELS, Blob(bytes, std::byte{0xff}));
    EXPECT_EQ(decode(event({.top = top}), flow) == Decoded::kFlow, bytes <= 16) << bytes;
  }
}

TEST(DecoderFields, UnknownAttributesArePassedOver) {
  const Blob unknown = attribute(200, Blob(5, std::byte{0xff}));
  const Blob known = attribute(CTA_MARK, big_endian(7, 4));
  for (const Extra& extra :
       {Extra{.ip = unknown, .top = known}, Extra{.protocol = unknown, .top = known},
        Extra{.tuple = unknown, .top = known}, Extra{.top = joined({unknown, known})},
        Extra{.top = joined({attribute(CTA_SECCTX, Blob(7)), known})},
        Extra{.top = joined({nested(CTA_COUNTERS_ORIG, {unknown}), known})},
        Extra{.top = joined({nested(CTA_TIMESTAMP, {unknown}), known})},
        Extra{.top = joined({nested(CTA_HELP, {unknown}), known})},
        Extra{.top = joined({nested(CTA_PROTOINFO, {nested(99, {unknown})}), known})},
        Extra{.top = joined(
                  {nested(CTA_PROTOINFO, {nested(CTA_PROTOINFO_TCP, {unknown})}), known})}}) {
    const Flow flow = flow_of(event(extra));
    EXPECT_EQ(flow.mark, 7U) << "what follows is read";
    EXPECT_TRUE(flow.orig == flow_of(event(Extra{})).orig);
  }
}

TEST(DecoderFields, TheFlagsOfATypeAreNoPartOfIt) {
  constexpr uint16_t kNetOrder = NLA_F_NET_BYTEORDER;
  EXPECT_EQ(flow_with(attribute(CTA_MARK | kNetOrder, big_endian(7, 4))).mark, 7U);
  // As kernels before 2.6.30 or so send nests.
  const Blob timestamps = attribute(CTA_TIMESTAMP_START, big_endian(5, 8));
  EXPECT_EQ(flow_with(attribute(CTA_TIMESTAMP, timestamps)).kernel_start.ns, 5);
}

TEST(DecoderDatagram, HoldsOneMessageBehindTheOther) {
  const Blob one = event({.top = attribute(CTA_MARK, big_endian(1, 4))});
  const Blob two = event({.top = attribute(CTA_MARK, big_endian(2, 4))});
  const auto marks_in = [](const Blob& datagram, bool whole) {
    std::vector<uint32_t> marks;
    const auto visit = [&](std::span<const std::byte> message) {
      marks.push_back(flow_of({message.begin(), message.end()}).mark);
    };
    EXPECT_EQ(for_each_message(datagram, visit), whole) << datagram.size();
    return marks;
  };
  using Marks = std::vector<uint32_t>;
  EXPECT_EQ(marks_in({}, true), Marks{});
  EXPECT_EQ(marks_in(one, true), Marks{1});
  EXPECT_EQ(marks_in(joined({one, two, one}), true), (Marks{1, 2, 1}));
  EXPECT_EQ(marks_in(joined({one, Blob(3)}), false), Marks{1}) << "bytes that are no message";
  EXPECT_EQ(marks_in(joined({one, Blob(64)}), false), Marks{1}) << "a message of no length";
  for (size_t bytes = one.size() + 1; bytes < one.size() + two.size(); ++bytes) {
    Blob cut = joined({one, two});
    cut.resize(bytes);
    EXPECT_EQ(marks_in(cut, false), Marks{1}) << bytes;
  }
}

TEST(DecoderDatagram, PaddingBelongsToTheMessage) {
  Blob odd = event({.top = attribute(200, Blob(1))});
  const auto length = static_cast<uint32_t>(odd.size() - 3);  // all but the padding
  std::memcpy(odd.data(), &length, sizeof length);
  EXPECT_EQ(message_bytes(odd), odd.size());
  EXPECT_EQ(message_bytes(joined({odd, odd})), odd.size());
  EXPECT_EQ(message_bytes(std::span{odd}.first(length)), length) << "the last may lack it";
}

}  // namespace
}  // namespace natledger
