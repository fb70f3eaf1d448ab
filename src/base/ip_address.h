// SPDX-License-Identifier: GPL-2.0-or-later
// An IPv4 or IPv6 address, and an address with a port, as values and as text.
//
// The text is glibc's inet_ntop to the letter, since that is what ulogd2 prints; inet_ntop itself
// costs 225 ns, which is most of what a whole record may cost.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace natledger {

struct IpAddress {
  enum class Family : uint8_t { kNone = 0, kV4 = 4, kV6 = 6 };

  std::array<uint8_t, 16> bytes{};  // network order; an IPv4 address uses the first four
  Family family = Family::kNone;

  // As two words: the default is a call of memcmp.
  bool operator==(const IpAddress& other) const {
    using Words = std::array<uint64_t, 2>;
    const auto a = std::bit_cast<Words>(bytes), b = std::bit_cast<Words>(other.bytes);
    return ((a[0] ^ b[0]) | (a[1] ^ b[1])) == 0 && family == other.family;
  }
};

// Up to 45 bytes; nothing for Family::kNone.
inline constexpr int kAddressTextBytes = 45;
char* append_address(char* out, const IpAddress& address);
std::string address_text(const IpAddress& address);
std::optional<IpAddress> parse_address(std::string_view text);

// One side of a flow as the outside knows it. The port is an ICMP id or a GRE key for those
// protocols, and absent for protocols that have none of these.
struct Endpoint {
  IpAddress address;
  std::optional<uint16_t> port;

  bool operator==(const Endpoint&) const = default;
};

// "1.2.3.4:53500", "[2001:db8::1]:80", or the bare address without a port. Up to 53 bytes.
inline constexpr int kEndpointTextBytes = kAddressTextBytes + 8;
char* append_endpoint(char* out, const Endpoint& endpoint);
std::string endpoint_text(const Endpoint& endpoint);
std::optional<Endpoint> parse_endpoint(std::string_view text);

}  // namespace natledger
