// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/flow_kinds.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>

#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack_sctp.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack_tcp.h>

#include "base/error.h"

namespace natledger {

namespace {

constexpr uint8_t kV4 = AF_INET;
constexpr uint8_t kV6 = AF_INET6;
// Ports from here on, so many of them, for one public address.
constexpr uint32_t kFirstPort = 1024;
constexpr uint32_t kPorts = 50000;
constexpr uint32_t kTimeoutS = 3600;

constexpr FlowKind kKinds[] = {
    {"tcp-snat", kV4, IPPROTO_TCP, Nat::kSource},
    {"tcp", kV4, IPPROTO_TCP},
    {"tcp-dnat", kV4, IPPROTO_TCP, Nat::kTarget},
    {"tcp-both", kV4, IPPROTO_TCP, Nat::kBoth},
    {"udp-snat", kV4, IPPROTO_UDP, Nat::kSource},
    {"udp-dnat", kV4, IPPROTO_UDP, Nat::kTarget},
    {"icmp", kV4, IPPROTO_ICMP},
    {"icmp-snat", kV4, IPPROTO_ICMP, Nat::kSource},
    {"sctp-snat", kV4, IPPROTO_SCTP, Nat::kSource},
    {"gre", kV4, IPPROTO_GRE},
    {"udplite", kV4, IPPROTO_UDPLITE},
    {"esp", kV4, IPPROTO_ESP},
    {"253", kV4, 253},
    {"tcp-mark", kV4, IPPROTO_TCP, Nat::kSource, 0xfffffffe},
    {"udp-zone", kV4, IPPROTO_UDP, Nat::kSource, 0, 5},
    {"tcp-helper", kV4, IPPROTO_TCP, Nat::kNone, 0, 0, "ftp"},
    {"tcp-label", kV4, IPPROTO_TCP, Nat::kNone, 0, 0, nullptr, 3},
    {"tcp6", kV6, IPPROTO_TCP},
    {"tcp6-snat", kV6, IPPROTO_TCP, Nat::kSource},
    {"tcp6-both", kV6, IPPROTO_TCP, Nat::kBoth, 42},
    {"udp6", kV6, IPPROTO_UDP},
    {"udp6-zone", kV6, IPPROTO_UDP, Nat::kNone, 0, 9},
    {"icmpv6", kV6, IPPROTO_ICMPV6},
    {"sctp6", kV6, IPPROTO_SCTP},
    {"gre6", kV6, IPPROTO_GRE},
    {"253-v6", kV6, 253},
    {"udp-orig-zone", kV4, IPPROTO_UDP, Nat::kSource, 0, 11, nullptr, -1, ZoneOf::kOrig},
    {"tcp-reply-zone", kV4, IPPROTO_TCP, Nat::kSource, 0, 12, nullptr, -1, ZoneOf::kReply},
};

// The first kind begins as traffic does; the others in any state, as conntrackd may commit them.
bool is_under_way(const FlowKind& kind) { return &kind != &kKinds[0]; }

using Address6 = std::array<uint8_t, 16>;

Address6 address6(const char* prefix, uint32_t host) {
  Address6 address{};
  check(::inet_pton(AF_INET6, prefix, address.data()) == 1, "not an address of IPv6");
  for (size_t i = 0; i < 4; ++i) address[15 - i] = static_cast<uint8_t>(host >> (8 * i));
  return address;
}

uint32_t address4(const char* prefix, uint32_t host) {
  return htonl(ntohl(::inet_addr(prefix)) + host);
}

bool is_v6(const FlowKind& kind) { return kind.family == kV6; }

// One attribute of either family, with the address that `host` has in that family's prefix.
struct Place {
  nf_conntrack_attr v4, v6;
  const char* prefix4;
  const char* prefix6;
};

void set_address(const FlowKind& kind, const Place& place, uint32_t host, nf_conntrack* flow) {
  if (is_v6(kind)) {
    nfct_set_attr(flow, place.v6, address6(place.prefix6, host).data());
  } else {
    nfct_set_attr_u32(flow, place.v4, address4(place.prefix4, host));
  }
}

constexpr const char* kSource4 = "10.0.0.0";
constexpr const char* kSource6 = "fd00:10::";
constexpr Place kSource{ATTR_IPV4_SRC, ATTR_IPV6_SRC, kSource4, kSource6};
constexpr Place kTarget{ATTR_IPV4_DST, ATTR_IPV6_DST, "19.1.16.0", "2001:db8:7::"};
constexpr Place kPublic{ATTR_SNAT_IPV4, ATTR_SNAT_IPV6, "1.2.3.0", "2001:db8:4::"};
constexpr Place kReal{ATTR_DNAT_IPV4, ATTR_DNAT_IPV6, "172.16.0.0", "fd00:16::"};

uint16_t port_of(uint32_t number) {
  return htons(static_cast<uint16_t>(kFirstPort + number % kPorts));
}

void set_protocol(const FlowKind& kind, uint32_t number, nf_conntrack* flow) {
  nfct_set_attr_u8(flow, ATTR_L4PROTO, kind.protocol);
  switch (kind.protocol) {
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
      nfct_set_attr_u8(flow, ATTR_ICMP_TYPE, is_v6(kind) ? 128 : 8);
      nfct_set_attr_u8(flow, ATTR_ICMP_CODE, 0);
      nfct_set_attr_u16(flow, ATTR_ICMP_ID, port_of(number));
      return;
    case IPPROTO_TCP:
      nfct_set_attr_u8(flow, ATTR_TCP_STATE,
                       is_under_way(kind) && number % 2 != 0 ? TCP_CONNTRACK_ESTABLISHED
                                                             : TCP_CONNTRACK_SYN_SENT);
      break;
    case IPPROTO_SCTP:
      nfct_set_attr_u8(flow, ATTR_SCTP_STATE, SCTP_CONNTRACK_ESTABLISHED);
      nfct_set_attr_u32(flow, ATTR_SCTP_VTAG_ORIG, htonl(number));
      nfct_set_attr_u32(flow, ATTR_SCTP_VTAG_REPL, htonl(~number));
      break;
    default:
      break;
  }
  // Of GRE they are the call keys; protocols without ports pass over them.
  nfct_set_attr_u16(flow, ATTR_PORT_SRC, port_of(number));
  nfct_set_attr_u16(flow, ATTR_PORT_DST, htons(kind.helper != nullptr ? 21 : 443));
}

void set_translation(const FlowKind& kind, uint32_t number, nf_conntrack* flow) {
  if (kind.nat == Nat::kSource || kind.nat == Nat::kBoth) {
    set_address(kind, kPublic, 4 + number / kPorts, flow);
    nfct_set_attr_u16(flow, ATTR_SNAT_PORT, port_of(number));
  }
  if (kind.nat == Nat::kTarget || kind.nat == Nat::kBoth) {
    set_address(kind, kReal, 9, flow);
    nfct_set_attr_u16(flow, ATTR_DNAT_PORT, htons(8443));
  }
}

nf_conntrack_attr zone_attribute(ZoneOf direction) {
  if (direction == ZoneOf::kOrig) return ATTR_ORIG_ZONE;
  return direction == ZoneOf::kReply ? ATTR_REPL_ZONE : ATTR_ZONE;
}

void set_label(int label, nf_conntrack* flow) {
  nfct_bitmask* bits = nfct_bitmask_new(127);
  check(bits != nullptr, "no memory for labels");
  nfct_bitmask_set_bit(bits, static_cast<unsigned>(label));
  nfct_set_attr(flow, ATTR_CONNLABELS, bits);  // takes it over
}

}  // namespace

std::span<const FlowKind> flow_kinds() { return kKinds; }

void fill_flow(const FlowKind& kind, uint32_t number, nf_conntrack* flow) {
  nfct_set_attr_u8(flow, ATTR_L3PROTO, kind.family);
  set_address(kind, kSource, number, flow);
  set_address(kind, kTarget, 7, flow);
  set_protocol(kind, number, flow);
  nfct_setobjopt(flow, NFCT_SOPT_SETUP_REPLY);
  set_translation(kind, number, flow);
  if (is_under_way(kind) && number % 3 != 0) {
    nfct_set_attr_u32(flow, ATTR_STATUS,
                      IPS_CONFIRMED | IPS_SEEN_REPLY | (number % 3 == 1 ? IPS_ASSURED : 0));
  }
  nfct_set_attr_u32(flow, ATTR_TIMEOUT, kTimeoutS);
  if (kind.mark != 0) nfct_set_attr_u32(flow, ATTR_MARK, kind.mark);
  if (kind.zone != 0) nfct_set_attr_u16(flow, zone_attribute(kind.zone_of), kind.zone);
  if (kind.helper != nullptr) nfct_set_attr(flow, ATTR_HELPER_NAME, kind.helper);
  if (kind.label >= 0) set_label(kind.label, flow);
}

std::string source_text(const FlowKind& kind, uint32_t number) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (is_v6(kind)) {
    const Address6 address = address6(kSource6, number);
    ::inet_ntop(AF_INET6, address.data(), text.data(), text.size());
  } else {
    const uint32_t address = address4(kSource4, number);
    ::inet_ntop(AF_INET, &address, text.data(), text.size());
  }
  return text.data();
}

}  // namespace natledger
