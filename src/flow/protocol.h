// SPDX-License-Identifier: GPL-2.0-or-later
// How states are called, and what a leg has for ends.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/ip_address.h"
#include "base/protocol.h"
#include "flow/flow.h"

namespace natledger {

// As conntrack(8) prints them; empty for 0 and numbers without a name.
std::string_view tcp_state_name(uint8_t state);
std::string_view sctp_state_name(uint8_t state);

// The names of the status bits that tell one flow from another: not those that every flow has
// (confirmed, *_nat_done), nor those that another key says (src_nat, dst_nat, offload, dying).
struct StatusNames {
  static constexpr size_t kMost = 8;
  std::array<std::string_view, kMost> names;  // of which `size` are set
  uint8_t size = 0;

  std::span<const std::string_view> view() const { return {names.data(), size}; }
};
StatusNames status_names(uint32_t status);
bool is_offloaded(uint32_t status);

// A leg's two ends, with what its protocol has for a port.
inline std::optional<uint16_t> port_of(const Leg& leg, uint16_t port) {
  if (has_ports(leg.protocol)) return port;
  if (is_icmp(leg.protocol)) return leg.icmp_id;
  // Version 0 of GRE has no keys, which the kernel keeps as two zeros.
  if (leg.protocol == kGre && (leg.source_port | leg.target_port) != 0) return port;
  return {};
}
inline Endpoint source_of(const Leg& leg) { return {leg.source, port_of(leg, leg.source_port)}; }
inline Endpoint target_of(const Leg& leg) { return {leg.target, port_of(leg, leg.target_port)}; }

}  // namespace natledger
