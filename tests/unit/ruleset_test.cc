// SPDX-License-Identifier: GPL-2.0-or-later
// Which rules make the kernel track, read from nf_tables' own bytes: those of nft 1.0.6 as Linux
// 6.18 dumped them, and, of what was not to be had there, messages after linux/netfilter/*.h.
#include "kernel/ruleset.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>

#include <gtest/gtest.h>

#include "unit/netlink_message.h"
#include "unit/test_support.h"

namespace natledger {
namespace {

struct RecordedRule {
  const char* nft;
  bool tracks;
  const char* hex;
};

constexpr RecordedRule kRecorded[] = {
    {"ip saddr 1.2.3.4 accept", false,
     "14010000060a0208000000008b19000001000002060001007400000006000200630000000c000300000000000000"
     "0002e400040024000100090001006d6574610000000014000200080002000000000f08000100000000012c000100"
     "08000100636d700020000200080001000000000108000200000000000c0003000500010002000000340001000c00"
     "01007061796c6f6164002400020008000100000000010800020000000001080003000000000c0800040000000004"
     "2c00010008000100636d700020000200080001000000000108000200000000000c00030008000100010203043000"
     "01000e000100696d6d6564696174650000001c0002000800010000000000100002000c000200080001000000000"
     "1"},
    {"ct state established accept", true,
     "08010000060a0208000000008b19000001000002060001007400000006000200630000000c000300000000000000"
     "00030c0006000000000000000002cc00040020000100070001006374000014000200080001000000000108000200"
     "000000004c0001000c00010062697477697365003c00020008000100000000010800020000000001080003000000"
     "000408000600000000000c00040008000100020000000c00050008000100000000002c00010008000100636d7000"
     "20000200080001000000000108000200000000010c0003000800010000000000300001000e000100696d6d656469"
     "6174650000001c0002000800010000000000100002000c0002000800010000000001"},
    {"meta mark set ct mark", true,
     "84000000060a0208000000008b19000001000002060001007400000006000200630000000c000300000000000000"
     "00040c00060000000000000000034800040020000100070001006374000014000200080001000000000108000200"
     "0000000324000100090001006d657461000000001400020008000200000000030800030000000001"},
    {"notrack", false,
     "50000000060a0208000000008b19000001000002060001007400000006000200630000000c000300000000000000"
     "00050c000600000000000000000414000400100001000c0001006e6f747261636b00"},
    {"masquerade", true,
     "4c000000060a0208000000008b19000002000002060001006e00000009000200706f7374000000000c0003000000"
     "0000000000031800040014000100090001006d6173710000000004000200"},
    {"snat to 1.2.3.4", true,
     "a8000000060a0208000000008b19000002000002060001006e00000009000200706f7374000000000c0003000000"
     "0000000000040c0006000000000000000003680004002c0001000e000100696d6d65646961746500000018000200"
     "08000100000000010c000200080001000102030438000100080001006e6174002c00020008000100000000000800"
     "020000000002080003000000000108000400000000010800070000000001"},
    {"tcp dport 80 redirect to :8080", true,
     "3c010000060a0208000000008b19000002000002060001006e00000008000200707265000c000300000000000000"
     "00050c01040024000100090001006d6574610000000014000200080002000000001008000100000000012c000100"
     "08000100636d700020000200080001000000000108000200000000000c0003000500010006000000340001000c00"
     "01007061796c6f616400240002000800010000000001080002000000000208000300000000020800040000000002"
     "2c00010008000100636d700020000200080001000000000108000200000000000c00030006000100005000002c00"
     "01000e000100696d6d6564696174650000001800020008000100000000010c000200060001001f9000002c000100"
     "0a00010072656469720000001c000200080001000000000108000200000000010800030000000002"},
};

TEST(Ruleset, RulesOfNftAsTheKernelDumpsThem) {
  for (const RecordedRule& rule : kRecorded) {
    const Blob message = from_hex(rule.hex);
    ASSERT_EQ(message.size(), static_cast<size_t>(message[0]) | static_cast<size_t>(message[1])
                                                                    << 8)
        << rule.nft;
    EXPECT_EQ(rule_uses_conntrack(message), rule.tracks) << rule.nft;
  }
}

TEST(Ruleset, ARuleCutShortTracksNothing) {
  for (const RecordedRule& rule : kRecorded) {
    const Blob message = from_hex(rule.hex);
    for (size_t bytes = 0; bytes < message.size(); ++bytes) {
      const Blob cut(message.begin(), message.begin() + static_cast<ptrdiff_t>(bytes));
      EXPECT_FALSE(rule_uses_conntrack(cut)) << rule.nft << ", " << bytes << " bytes";
    }
  }
}

Blob expression(const char* name, const Blob& data = {}) {
  return nested(NFTA_LIST_ELEM,
                {attribute(NFTA_EXPR_NAME, c_string(name)), nested(NFTA_EXPR_DATA, {data})});
}

// What iptables-nft makes of `-m name` and `-j NAME`.
Blob match(const char* name) {
  return expression("match", attribute(NFTA_MATCH_NAME, c_string(name)));
}
Blob target(const char* name) {
  return expression("target", attribute(NFTA_TARGET_NAME, c_string(name)));
}

bool tracks(const Blob& expressions) {
  return rule_uses_conntrack(
      netlink_message({NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWRULE, NLM_F_MULTI, NFPROTO_IPV4},
                      joined({attribute(NFTA_RULE_TABLE, c_string("filter")),
                              attribute(NFTA_RULE_CHAIN, c_string("FORWARD")),
                              nested(NFTA_RULE_EXPRESSIONS, {expressions})})));
}

TEST(Ruleset, ExpressionsThatTakeAReferenceToConntrack) {
  for (const char* name : {"ct", "nat", "masq", "redir", "synproxy", "connlimit", "flow_offload"}) {
    EXPECT_TRUE(tracks(expression(name))) << name;
    EXPECT_TRUE(tracks(joined({expression("meta"), expression("counter"), expression(name)})));
  }
  for (const char* name : {"meta", "counter", "notrack", "log", "limit", "c", "ctx", "nat "}) {
    EXPECT_FALSE(tracks(expression(name))) << name;
  }
}

TEST(Ruleset, ExtensionsOfXtablesThatTakeAReferenceToConntrack) {
  for (const char* name :
       {"conntrack", "state", "connmark", "connbytes", "connlabel", "connlimit", "helper"}) {
    EXPECT_TRUE(tracks(match(name))) << name;
  }
  for (const char* name :
       {"CT", "CONNMARK", "SNAT", "DNAT", "MASQUERADE", "REDIRECT", "NETMAP", "SYNPROXY"}) {
    EXPECT_TRUE(tracks(target(name))) << name;
  }
  EXPECT_TRUE(tracks(joined({match("tcp"), target("DNAT")})));
  for (const char* name : {"tcp", "limit", "comment", "LOG", "ct", "masq"}) {
    EXPECT_FALSE(tracks(match(name))) << name;
    EXPECT_FALSE(tracks(target(name))) << name;
  }
  EXPECT_FALSE(tracks(expression("counter", attribute(NFTA_MATCH_NAME, c_string("state")))))
      << "no match";
  EXPECT_FALSE(tracks({}));
}

Blob flowtable(uint8_t family, const Blob& flags) {
  return netlink_message({NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWFLOWTABLE, NLM_F_MULTI, family},
                         joined({attribute(NFTA_FLOWTABLE_TABLE, c_string("filter")),
                                 attribute(NFTA_FLOWTABLE_NAME, c_string("ft")), flags}));
}

Blob flags(uint32_t bits) { return attribute(NFTA_FLOWTABLE_FLAGS, big_endian(bits, 4)); }

TEST(Ruleset, FlowtablesThatDoNotCountAreNamedAsNftNamesThem) {
  const auto uncounted = [](uint8_t family, const Blob& flags) {
    return flowtable_without_counter(flowtable(family, flags)).value_or("");
  };
  EXPECT_EQ(uncounted(NFPROTO_INET, flags(0)), "inet filter/ft");
  EXPECT_EQ(uncounted(NFPROTO_IPV4, flags(0)), "ip filter/ft");
  EXPECT_EQ(uncounted(NFPROTO_IPV6, flags(0)), "ip6 filter/ft");
  EXPECT_EQ(uncounted(NFPROTO_INET, {}), "inet filter/ft") << "before Linux 5.7 there are no flags";
  EXPECT_EQ(uncounted(NFPROTO_INET, flags(NFT_FLOWTABLE_HW_OFFLOAD)), "inet filter/ft");
  EXPECT_EQ(uncounted(NFPROTO_INET, flags(NFT_FLOWTABLE_COUNTER)), "");
  EXPECT_EQ(uncounted(NFPROTO_INET, flags(NFT_FLOWTABLE_HW_OFFLOAD | NFT_FLOWTABLE_COUNTER)), "");
}

TEST(Ruleset, AFlowtableCutShortIsNeverReadBeyondItsEnd) {
  const Blob whole = flowtable(NFPROTO_INET, flags(0));
  for (size_t bytes = 0; bytes < whole.size(); ++bytes) {
    const Blob cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(bytes));
    const bool has_headers = bytes >= NLMSG_HDRLEN + sizeof(nfgenmsg);
    EXPECT_EQ(flowtable_without_counter(cut).has_value(), has_headers) << bytes << " bytes";
  }
}

}  // namespace
}  // namespace natledger
