// SPDX-License-Identifier: GPL-2.0-or-later
// Names after IANA's protocol numbers; numbers from netinet/in.h.
#include "base/protocol.h"

#include <netinet/in.h>

#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace natledger {
namespace {

// IANA's keywords in lower case.
const std::map<int, std::string> kKeywords = {
    {IPPROTO_ICMP, "icmp"},
    {IPPROTO_IGMP, "igmp"},
    {IPPROTO_IPIP, "ipv4"},
    {IPPROTO_TCP, "tcp"},
    {IPPROTO_UDP, "udp"},
    {IPPROTO_DCCP, "dccp"},
    {IPPROTO_IPV6, "ipv6"},
    {IPPROTO_GRE, "gre"},
    {IPPROTO_ESP, "esp"},
    {IPPROTO_AH, "ah"},
    {IPPROTO_ICMPV6, "ipv6-icmp"},
    {89, "ospfigp"},
    {IPPROTO_PIM, "pim"},
    {112, "vrrp"},
    {115, "l2tp"},
    {IPPROTO_SCTP, "sctp"},
    {IPPROTO_UDPLITE, "udplite"},
};

TEST(Protocol, EveryNumberHasItsIanaKeywordOrNoName) {
  for (int number = 0; number < 256; ++number) {
    const auto known = kKeywords.find(number);
    const std::string expected = known == kKeywords.end() ? "" : known->second;
    const auto protocol = static_cast<uint8_t>(number);
    EXPECT_EQ(transport_name(protocol), expected);
    EXPECT_EQ(transport_text(protocol), expected.empty() ? std::to_string(number) : expected);
  }
}

TEST(Protocol, ANameOrADecimalNumberIsANumber) {
  for (const auto& [number, name] : kKeywords) EXPECT_EQ(transport_number(name), number) << name;
  for (int number = 0; number < 256; ++number) {
    EXPECT_EQ(transport_number(std::to_string(number)), number);
  }
}

TEST(Protocol, AnythingElseIsNone) {
  for (const char* text : {"", "TCP", "tcp ", " 6", "6 ", "256", "-1", "+6", "0x6", "6.0", "tcpp",
                           "4294967302", "99999999999999999999"}) {
    EXPECT_EQ(transport_number(text), 256) << text;
  }
}

TEST(Protocol, PortsAreThoseThatUlogd2Prints) {
  const std::set<int> with_ports = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_DCCP, IPPROTO_SCTP,
                                    IPPROTO_UDPLITE};
  for (int number = 0; number < 256; ++number) {
    const auto protocol = static_cast<uint8_t>(number);
    EXPECT_EQ(has_ports(protocol), with_ports.contains(number)) << number;
    EXPECT_EQ(is_icmp(protocol), number == IPPROTO_ICMP || number == IPPROTO_ICMPV6) << number;
  }
}

}  // namespace
}  // namespace natledger
