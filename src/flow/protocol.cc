// SPDX-License-Identifier: GPL-2.0-or-later
#include "flow/protocol.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_sctp.h>
#include <linux/netfilter/nf_conntrack_tcp.h>

#include <bit>

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

constexpr uint32_t kNamedBits = IPS_EXPECTED | IPS_SEEN_REPLY | IPS_ASSURED | IPS_SEQ_ADJUST |
                                IPS_HELPER | IPS_FIXED_TIMEOUT | IPS_UNTRACKED | IPS_TEMPLATE;
static_assert(std::popcount(kNamedBits) == StatusNames::kMost);

constexpr auto kStatusNames = [] {
  std::array<std::string_view, 32> names{};
  names[IPS_EXPECTED_BIT] = "expected";
  names[IPS_SEEN_REPLY_BIT] = "seen_reply";
  names[IPS_ASSURED_BIT] = "assured";
  names[IPS_SEQ_ADJUST_BIT] = "seq_adjust";
  names[IPS_HELPER_BIT] = "helper";
  names[IPS_FIXED_TIMEOUT_BIT] = "fixed_timeout";
  names[IPS_UNTRACKED_BIT] = "untracked";
  names[IPS_TEMPLATE_BIT] = "template";
  return names;
}();

}  // namespace

std::string_view tcp_state_name(uint8_t state) {
  return state < kTcpStates.size() ? kTcpStates[state] : std::string_view{};
}

std::string_view sctp_state_name(uint8_t state) {
  return state < kSctpStates.size() ? kSctpStates[state] : std::string_view{};
}

StatusNames status_names(uint32_t status) {
  StatusNames result;
  for (uint32_t bits = status & kNamedBits; bits != 0; bits &= bits - 1) {
    result.names[result.size++] = kStatusNames[static_cast<size_t>(std::countr_zero(bits))];
  }
  return result;
}

bool is_offloaded(uint32_t status) { return (status & (IPS_OFFLOAD | IPS_HW_OFFLOAD)) != 0; }

}  // namespace natledger
