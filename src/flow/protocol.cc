// SPDX-License-Identifier: GPL-2.0-or-later
#include "flow/protocol.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_sctp.h>
#include <linux/netfilter/nf_conntrack_tcp.h>

#include <optional>

namespace natledger {

namespace {

constexpr auto kTcpStates = [] {
  std::array<std::string_view, TCP_CONNTRACK_MAX> names{};
  names[TCP_CONNTRACK_SYN_SENT] = "SYN_SENT";
  names[TCP_CONNTRACK_SYN_RECV] = "SYN_RECV";
  names[TCP_CONNTRACK_ESTABLISHED] = "ESTABLISHED";
  names[TCP_CONNTRACK_FIN_WAIT] = "FIN_WAIT";
  names[TCP_CONNTRACK_CLOSE_WAIT] = "CLOSE_WAIT";
  names[TCP_CONNTRACK_LAST_ACK] = "LAST_ACK";
  names[TCP_CONNTRACK_TIME_WAIT] = "TIME_WAIT";
  names[TCP_CONNTRACK_CLOSE] = "CLOSE";
  names[TCP_CONNTRACK_SYN_SENT2] = "SYN_SENT2";
  return names;
}();

constexpr auto kSctpStates = [] {
  std::array<std::string_view, SCTP_CONNTRACK_MAX> names{};
  names[SCTP_CONNTRACK_CLOSED] = "CLOSED";
  names[SCTP_CONNTRACK_COOKIE_WAIT] = "COOKIE_WAIT";
  names[SCTP_CONNTRACK_COOKIE_ECHOED] = "COOKIE_ECHOED";
  names[SCTP_CONNTRACK_ESTABLISHED] = "ESTABLISHED";
  names[SCTP_CONNTRACK_SHUTDOWN_SENT] = "SHUTDOWN_SENT";
  names[SCTP_CONNTRACK_SHUTDOWN_RECD] = "SHUTDOWN_RECD";
  names[SCTP_CONNTRACK_SHUTDOWN_ACK_SENT] = "SHUTDOWN_ACK_SENT";
  names[SCTP_CONNTRACK_HEARTBEAT_SENT] = "HEARTBEAT_SENT";
  names[SCTP_CONNTRACK_HEARTBEAT_ACKED] = "HEARTBEAT_ACKED";
  return names;
}();

struct StatusBit {
  uint32_t bit;
  std::string_view name;
};
constexpr StatusBit kStatusBits[] = {
    {IPS_EXPECTED, "expected"},   {IPS_SEEN_REPLY, "seen_reply"},
    {IPS_ASSURED, "assured"},     {IPS_SEQ_ADJUST, "seq_adjust"},
    {IPS_HELPER, "helper"},       {IPS_FIXED_TIMEOUT, "fixed_timeout"},
    {IPS_UNTRACKED, "untracked"}, {IPS_TEMPLATE, "template"},
};

std::optional<uint16_t> port_of(const Leg& leg, uint16_t port) {
  if (has_ports(leg.protocol)) return port;
  if (is_icmp(leg.protocol)) return leg.icmp_id;
  // Version 0 of GRE has no keys, which the kernel keeps as two zeros.
  if (leg.protocol == kGre && (leg.source_port | leg.target_port) != 0) return port;
  return {};
}

}  // namespace

std::string_view tcp_state_name(uint8_t state) {
  return state < kTcpStates.size() ? kTcpStates[state] : std::string_view{};
}

std::string_view sctp_state_name(uint8_t state) {
  return state < kSctpStates.size() ? kSctpStates[state] : std::string_view{};
}

StatusNames status_names(uint32_t status) {
  StatusNames result;
  for (const StatusBit& known : kStatusBits) {
    if (status & known.bit) result.names[result.size++] = known.name;
  }
  return result;
}

bool is_offloaded(uint32_t status) { return (status & (IPS_OFFLOAD | IPS_HW_OFFLOAD)) != 0; }

Endpoint source_of(const Leg& leg) { return {leg.source, port_of(leg, leg.source_port)}; }
Endpoint target_of(const Leg& leg) { return {leg.target, port_of(leg, leg.target_port)}; }

}  // namespace natledger
