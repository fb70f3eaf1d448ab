// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/protocol.h"

#include <array>
#include <charconv>

namespace natledger {

namespace {

struct ProtocolName {
  uint8_t number;
  std::string_view name;
};
constexpr ProtocolName kProtocols[] = {
    {kIcmp, "icmp"},       {2, "igmp"},           {4, "ipv4"},   {kTcp, "tcp"}, {kUdp, "udp"},
    {kDccp, "dccp"},       {41, "ipv6"},          {kGre, "gre"}, {50, "esp"},   {51, "ah"},
    {kIcmp6, "ipv6-icmp"}, {89, "ospfigp"},       {103, "pim"},  {112, "vrrp"}, {115, "l2tp"},
    {kSctp, "sctp"},       {kUdpLite, "udplite"},
};

constexpr auto kNameOf = [] {
  std::array<std::string_view, 256> names{};
  for (const ProtocolName& protocol : kProtocols) names[protocol.number] = protocol.name;
  return names;
}();

}  // namespace

std::string_view transport_name(uint8_t protocol) { return kNameOf[protocol]; }

std::string transport_text(uint8_t protocol) {
  const std::string_view name = transport_name(protocol);
  return name.empty() ? std::to_string(protocol) : std::string{name};
}

int transport_number(std::string_view name) {
  for (const ProtocolName& protocol : kProtocols) {
    if (protocol.name == name) return protocol.number;
  }
  unsigned number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc{} || end != name.data() + name.size() || number > 255) return 256;
  return static_cast<int>(number);
}

}  // namespace natledger
