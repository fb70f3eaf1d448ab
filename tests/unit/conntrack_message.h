// SPDX-License-Identifier: GPL-2.0-or-later
// Conntrack events put together by hand, after linux/netfilter/nfnetlink_conntrack.h: one TCP flow
// from 192.168.1.129:53400 to 19.1.16.7:443, seen as 1.2.3.4:53500.
#pragma once

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include <gtest/gtest.h>

#include "unit/netlink_message.h"

namespace natledger {

inline Blob address(const char* text) {
  const int family =
      std::string_view{text}.find(':') == std::string_view::npos ? AF_INET : AF_INET6;
  Blob bytes(family == AF_INET ? 4 : 16);
  EXPECT_EQ(::inet_pton(family, text, bytes.data()), 1) << text;
  return bytes;
}

inline Blob ends(const char* source, const char* target, const Blob& more = {}) {
  const Blob from = address(source);
  const Blob to = address(target);
  return nested(CTA_TUPLE_IP,
                {attribute(from.size() == 4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, from),
                 attribute(to.size() == 4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, to), more});
}

inline Blob ports(uint16_t source, uint16_t target, const Blob& more = {}) {
  return nested(CTA_TUPLE_PROTO, {attribute(CTA_PROTO_NUM, big_endian(6, 1)),
                                  attribute(CTA_PROTO_SRC_PORT, big_endian(source, 2)),
                                  attribute(CTA_PROTO_DST_PORT, big_endian(target, 2)), more});
}

// What is put, beside what a flow needs, at each level of a message.
struct Extra {
  Blob ip = {};
  Blob protocol = {};
  Blob tuple = {};
  Blob top = {};
};

inline Blob orig(const Extra& extra = {}) {
  return nested(CTA_TUPLE_ORIG, {ends("192.168.1.129", "19.1.16.7", extra.ip),
                                 ports(53400, 443, extra.protocol), extra.tuple});
}

inline Blob reply(const Blob& more = {}) {
  return nested(CTA_TUPLE_REPLY, {ends("19.1.16.7", "1.2.3.4"), ports(443, 53500), more});
}

inline constexpr uint16_t kIsNew = NLM_F_CREATE | NLM_F_EXCL;

inline Blob event(std::initializer_list<Blob> attributes, uint8_t family = AF_INET) {
  return netlink_message({NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_NEW, kIsNew, family},
                         joined(attributes));
}

inline Blob event(const Extra& extra) { return event({orig(extra), reply(), extra.top}); }

}  // namespace natledger
