// SPDX-License-Identifier: GPL-2.0-or-later
// States and bits by the kernel's numbers, names as conntrack(8) prints them.
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "flow/protocol.h"

namespace natledger {
namespace {

using Names = std::map<unsigned, std::string>;

// enum tcp_conntrack and enum sctp_conntrack of Linux 6.18.
const Names kTcpStates = {{1, "SYN_SENT"},  {2, "SYN_RECV"},   {3, "ESTABLISHED"},
                          {4, "FIN_WAIT"},  {5, "CLOSE_WAIT"}, {6, "LAST_ACK"},
                          {7, "TIME_WAIT"}, {8, "CLOSE"},      {9, "SYN_SENT2"}};
const Names kSctpStates = {
    {1, "CLOSED"},         {2, "COOKIE_WAIT"},   {3, "COOKIE_ECHOED"},     {4, "ESTABLISHED"},
    {5, "SHUTDOWN_SENT"},  {6, "SHUTDOWN_RECD"}, {7, "SHUTDOWN_ACK_SENT"}, {8, "HEARTBEAT_SENT"},
    {9, "HEARTBEAT_ACKED"}};

void expect_names(const Names& names, std::string_view (*name_of)(uint8_t)) {
  for (unsigned state = 0; state < 256; ++state) {
    const auto known = names.find(state);
    EXPECT_EQ(name_of(static_cast<uint8_t>(state)), known == names.end() ? "" : known->second)
        << state;
  }
}

TEST(FlowProtocol, EveryTcpStateHasItsNameAndNoOtherNumberHasOne) {
  expect_names(kTcpStates, tcp_state_name);
}

TEST(FlowProtocol, EverySctpStateHasItsNameAndNoOtherNumberHasOne) {
  expect_names(kSctpStates, sctp_state_name);
}

// enum ip_conntrack_status: the bits that tell one flow from another.
const Names kStatusBits = {{0, "expected"},   {1, "seen_reply"},     {2, "assured"},
                           {6, "seq_adjust"}, {10, "fixed_timeout"}, {11, "template"},
                           {12, "untracked"}, {13, "helper"}};
// IPS_OFFLOAD and IPS_HW_OFFLOAD.
constexpr uint32_t kOffloadBits = 1U << 14 | 1U << 15;

std::vector<std::string> names_of(uint32_t status) {
  const StatusNames names = status_names(status);
  return {names.view().begin(), names.view().end()};
}

TEST(FlowProtocol, EachStatusBitHasItsNameOrNone) {
  for (unsigned bit = 0; bit < 32; ++bit) {
    const auto known = kStatusBits.find(bit);
    std::vector<std::string> expected;
    if (known != kStatusBits.end()) expected.push_back(known->second);
    EXPECT_EQ(names_of(1U << bit), expected) << bit;
    EXPECT_EQ(is_offloaded(1U << bit), (kOffloadBits >> bit & 1) != 0) << bit;
  }
}

TEST(FlowProtocol, AllBitsAtOnceAreNamedInTheirOrder) {
  std::vector<std::string> all;
  for (const auto& [bit, name] : kStatusBits) all.push_back(name);
  EXPECT_EQ(names_of(UINT32_MAX), all);
  EXPECT_TRUE(is_offloaded(UINT32_MAX));
  EXPECT_EQ(names_of(0), std::vector<std::string>{});
  EXPECT_FALSE(is_offloaded(~kOffloadBits));
}

struct EndCase {
  const char* what;
  uint8_t protocol;
  std::optional<uint16_t> source, target;
};

TEST(FlowProtocol, AnEndHasThePortOfItsProtocol) {
  const EndCase cases[] = {
      {"tcp", 6, 53400, 443},
      {"udp", 17, 53400, 443},
      {"dccp", 33, 53400, 443},
      {"sctp", 132, 53400, 443},
      {"udplite", 136, 53400, 443},
      {"icmp: its id", 1, 77, 77},
      {"icmpv6: its id", 58, 77, 77},
      {"gre: its keys", 47, 53400, 443},
      {"esp", 50, {}, {}},
      {"ah", 51, {}, {}},
      {"ipip", 4, {}, {}},
      {"253", 253, {}, {}},
  };
  for (const EndCase& c : cases) {
    Leg leg;
    leg.source = *parse_address("192.168.1.129");
    leg.target = *parse_address("19.1.16.7");
    leg.protocol = c.protocol;
    leg.source_port = 53400;
    leg.target_port = 443;
    leg.icmp_id = 77;
    EXPECT_EQ(source_of(leg), (Endpoint{leg.source, c.source})) << c.what;
    EXPECT_EQ(target_of(leg), (Endpoint{leg.target, c.target})) << c.what;
  }
}

TEST(FlowProtocol, GreWithoutKeysHasNoPorts) {
  Leg leg;
  leg.protocol = kGre;
  EXPECT_EQ(source_of(leg).port, std::nullopt);
  EXPECT_EQ(target_of(leg).port, std::nullopt);
  leg.target_port = 5;
  EXPECT_EQ(source_of(leg).port, 0) << "one key alone is a key";
  EXPECT_EQ(target_of(leg).port, 5);
}

TEST(FlowProtocol, PortZeroIsAPort) {
  Leg leg;
  leg.protocol = kTcp;
  EXPECT_EQ(source_of(leg).port, 0);
}

}  // namespace
}  // namespace natledger
