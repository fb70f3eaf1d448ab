// SPDX-License-Identifier: GPL-2.0-or-later
// Layer-4 protocols: their numbers, their names, what they have.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace natledger {

inline constexpr uint8_t kIcmp = 1;
inline constexpr uint8_t kTcp = 6;
inline constexpr uint8_t kUdp = 17;
inline constexpr uint8_t kDccp = 33;
inline constexpr uint8_t kGre = 47;
inline constexpr uint8_t kIcmp6 = 58;
inline constexpr uint8_t kSctp = 132;
inline constexpr uint8_t kUdpLite = 136;

// The protocols whose ports ulogd2 prints, as 0 where the kernel gave none (DCCP on Linux 6.18,
// which tracks it no more).
inline constexpr auto kHasPorts = [] {
  std::array<bool, 256> has{};
  for (const uint8_t protocol : {kTcp, kUdp, kDccp, kSctp, kUdpLite}) has[protocol] = true;
  return has;
}();
constexpr bool has_ports(uint8_t protocol) { return kHasPorts[protocol]; }

inline bool is_icmp(uint8_t protocol) { return protocol == kIcmp || protocol == kIcmp6; }

// The IANA keyword in lower case, as ECS wants it; empty for protocols without a common one.
std::string_view transport_name(uint8_t protocol);
// The same, or the number of a protocol without one.
std::string transport_text(uint8_t protocol);
// The number of a name of transport_name(), or of a decimal number; 256 if neither.
int transport_number(std::string_view name);

}  // namespace natledger
