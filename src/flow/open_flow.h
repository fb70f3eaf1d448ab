// SPDX-License-Identifier: GPL-2.0-or-later
// What is remembered of a flow while it is open: what finds it, what its end will want to know, and
// both tuples, since an end that nobody told has to be written from here.
//
// An IPv4 flow is a cache line; a million of them are 64 MB and the cells that find them.
#pragma once

#include <netinet/in.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "flow/flow.h"
#include "flow/protocol.h"

namespace natledger {

// Both addresses of the original tuple, then everything else in the last word. Words from the
// start: bytes put together and read again as words would wait for each other in the processor.
template <size_t kAddressBytes>
struct FlowKey {
  std::array<uint64_t, (2 * kAddressBytes + 8) / 8> words;

  // The default is a call of memcmp.
  bool operator==(const FlowKey& other) const {
    uint64_t different = 0;
    for (size_t i = 0; i < words.size(); ++i) different |= words[i] ^ other.words[i];
    return different == 0;
  }
};

inline uint32_t first_word(const IpAddress& address) {
  uint32_t word;
  std::memcpy(&word, address.bytes.data(), sizeof word);
  return word;
}

// An ICMP tuple has its id, type and code where others have ports.
inline uint32_t pack_ports(const Leg& leg) {
  const bool icmp = is_icmp(leg.protocol);
  const unsigned source = icmp ? leg.icmp_id : leg.source_port;
  const unsigned target =
      icmp ? unsigned{leg.icmp_type} << 8 | leg.icmp_code : unsigned{leg.target_port};
  return source | target << 16;
}

inline void unpack_ports(uint32_t packed, Leg& leg) {
  const auto source = static_cast<uint16_t>(packed);
  const auto target = static_cast<uint16_t>(packed >> 16);
  if (is_icmp(leg.protocol)) {
    leg.icmp_id = source;
    leg.icmp_type = static_cast<uint8_t>(target >> 8);
    leg.icmp_code = static_cast<uint8_t>(target);
  } else {
    leg.source_port = source;
    leg.target_port = target;
  }
}

template <size_t kAddressBytes>
FlowKey<kAddressBytes> key_of(const Leg& leg, uint16_t zone, ZoneDirection direction) {
  FlowKey<kAddressBytes> key;
  if constexpr (kAddressBytes == 4) {
    key.words[0] = first_word(leg.source) | uint64_t{first_word(leg.target)} << 32;
  } else {
    std::memcpy(&key.words[0], leg.source.bytes.data(), kAddressBytes);
    std::memcpy(&key.words[2], leg.target.bytes.data(), kAddressBytes);
  }
  key.words.back() = pack_ports(leg) | uint64_t{zone} << 32 |
                     uint64_t{static_cast<uint8_t>(direction)} << 48 | uint64_t{leg.protocol} << 56;
  return key;
}

inline constexpr uint32_t kNothingAside = UINT32_MAX;
inline constexpr uint64_t kMostFirstSequence = (uint64_t{1} << 62) - 1;

template <size_t kAddressBytes>
struct OpenFlow {
  using Address = std::array<uint8_t, kAddressBytes>;

  FlowKey<kAddressBytes> key;
  TimePoint start;
  uint64_t first_sequence : 62;  // at most kMostFirstSequence; 0: no record has told of it
  uint64_t start_clock : 2;
  uint32_t id;
  union {
    uint32_t aside;      // place of what few flows have, or kNothingAside
    uint32_t next_free;  // while not in use
  };
  uint32_t sighting;  // when it was last seen: see Sightings
  uint32_t mark;
  uint32_t reply_ports;
  Address reply_source;
  Address reply_target;
  // Its start was an event, so an end without one was missed. Of a flow from a dump the kernel may
  // never tell anything.
  bool told_by_event;
  bool picked_up;
  uint16_t first_epoch;
};
static_assert(sizeof(OpenFlow<4>) == 64 && sizeof(OpenFlow<16>) == 112);

// What a flow is remembered as, except what the table alone knows.
template <size_t kAddressBytes>
OpenFlow<kAddressBytes> open_flow(const FlowKey<kAddressBytes>& key, const Flow& flow) {
  OpenFlow<kAddressBytes> open{};
  open.key = key;
  open.start = flow.start;
  open.first_sequence = flow.first_sequence & kMostFirstSequence;
  open.first_epoch = flow.first_epoch;
  open.start_clock = static_cast<uint64_t>(flow.start_clock) & 3;
  open.id = flow.id;
  open.aside = kNothingAside;
  open.mark = flow.mark;
  open.reply_ports = pack_ports(flow.reply);
  std::memcpy(open.reply_source.data(), flow.reply.source.bytes.data(), kAddressBytes);
  std::memcpy(open.reply_target.data(), flow.reply.target.bytes.data(), kAddressBytes);
  open.told_by_event = !flow.from_dump;
  open.picked_up = flow.reason == Reason::kPickedUp;
  return open;
}

template <size_t kAddressBytes>
IpAddress address_at(const void* bytes) {
  IpAddress address;
  address.family = kAddressBytes == 4 ? IpAddress::Family::kV4 : IpAddress::Family::kV6;
  std::memcpy(address.bytes.data(), bytes, kAddressBytes);
  return address;
}

// The flow again, as far as it is remembered: without counters, status and times.
template <size_t kAddressBytes>
Flow flow_of(const OpenFlow<kAddressBytes>& open) {
  Flow flow;
  flow.family = kAddressBytes == 4 ? AF_INET : AF_INET6;
  flow.id = open.id;
  flow.mark = open.mark;
  const uint64_t rest = open.key.words.back();
  flow.zone = static_cast<uint16_t>(rest >> 32);
  flow.zone_direction = static_cast<ZoneDirection>(rest >> 48 & 0xff);
  flow.orig.protocol = flow.reply.protocol = static_cast<uint8_t>(rest >> 56);
  const auto* addresses = reinterpret_cast<const std::byte*>(open.key.words.data());
  flow.orig.source = address_at<kAddressBytes>(addresses);
  flow.orig.target = address_at<kAddressBytes>(addresses + kAddressBytes);
  unpack_ports(static_cast<uint32_t>(rest), flow.orig);
  flow.reply.source = address_at<kAddressBytes>(open.reply_source.data());
  flow.reply.target = address_at<kAddressBytes>(open.reply_target.data());
  unpack_ports(open.reply_ports, flow.reply);
  return flow;
}

template <size_t kAddressBytes>
bool has_reply_addresses(const OpenFlow<kAddressBytes>& open, const Leg& reply) {
  return std::memcmp(open.reply_source.data(), reply.source.bytes.data(), kAddressBytes) == 0 &&
         std::memcmp(open.reply_target.data(), reply.target.bytes.data(), kAddressBytes) == 0;
}

template <size_t kAddressBytes>
bool has_reply(const OpenFlow<kAddressBytes>& open, const Leg& reply) {
  return open.reply_ports == pack_ports(reply) && has_reply_addresses(open, reply);
}

// The same as far as every record says it: what NAT made of an ICMP id or a GRE key may not be
// known of a flow that an earlier run has left.
template <size_t kAddressBytes>
bool may_have_reply(const OpenFlow<kAddressBytes>& open, const Flow& flow) {
  return has_ports(flow.orig.protocol) ? has_reply(open, flow.reply)
                                       : has_reply_addresses(open, flow.reply);
}

// Whether an event with this tuple tells of the entry that made this flow known. Its translation
// never changes; ids repeat.
template <size_t kAddressBytes>
bool is_same_entry(const OpenFlow<kAddressBytes>& open, const Flow& flow) {
  return open.id == flow.id && may_have_reply(open, flow);
}

// Whether an event or an entry with this tuple is of this very flow: a reuse may have the same id
// and the same translation, so its start decides, where the kernel tells it.
template <size_t kAddressBytes>
bool is_same_flow(const OpenFlow<kAddressBytes>& open, const Flow& flow) {
  // TCP's first event is made before the entry has its start: by 20 to 130 us (Linux 6.18), longer
  // where a program is asked for a verdict in between. One that ended and began again meanwhile,
  // the same at both ends, would name the same host.
  constexpr Duration kConfirming = std::chrono::seconds{60};
  if (!is_same_entry(open, flow)) return false;
  if (!flow.kernel_start.known() || !open.start.known()) return true;
  if (static_cast<StartClock>(open.start_clock) == StartClock::kKernel)
    return flow.kernel_start == open.start;
  if (flow.kernel_start <= open.start) return true;
  return static_cast<StartClock>(open.start_clock) == StartClock::kEvent &&
         flow.kernel_start <= open.start + kConfirming && has_reply(open, flow.reply);
}

}  // namespace natledger
