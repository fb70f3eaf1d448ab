// SPDX-License-Identifier: GPL-2.0-or-later
// A flow as one conntrack event tells of it. Plain data: no owner, no lock, no I/O.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/ip_address.h"
#include "base/time.h"
#include "flow/annotation.h"

namespace natledger {

// The values are ulogd2's ct.event. kUpdate also stands for an entry of a table dump, as ulogd2
// prints it on SIGUSR2.
enum class Event : uint8_t { kNew = 1, kUpdate = 2, kDestroy = 4 };

// A zone belongs to both directions of a flow, or to one (CTA_TUPLE_ZONE, since Linux 4.3).
enum class ZoneDirection : uint8_t { kBoth, kOrig, kReply };

// Which clock a start was read from, the better first.
enum class StartClock : uint8_t {
  kNone,     // the start is not known
  kKernel,   // CTA_TIMESTAMP_START: when the kernel made the entry
  kEvent,    // CTA_TIMESTAMP_EVENT of NEW (since Linux 6.14): within microseconds of it
  kReceipt,  // when we read the event: later still
};

// What an ordinary record does not have to say of where its start or end comes from.
enum class Reason : uint8_t {
  kNone,
  kInferred,  // its start or end was not told: a look into the table showed it
  kPickedUp,  // it was in mid-life when the kernel first knew it: it began at `start` or before
};

// One direction of a flow. Ports, ids and counters in host order.
struct Leg {
  IpAddress source;
  IpAddress target;
  uint8_t protocol = 0;      // IANA number
  uint16_t source_port = 0;  // GRE: the call key. Meaningful where has_ports() or GRE
  uint16_t target_port = 0;
  uint8_t icmp_type = 0;  // ICMP and ICMPv6
  uint8_t icmp_code = 0;
  uint16_t icmp_id = 0;
  uint64_t packets = 0;  // 0 also when the message has no counters
  uint64_t bytes = 0;

  bool operator==(const Leg&) const = default;
};

// The kernel's NF_CT_HELPER_NAME_LEN and XT_CONNLABEL_MAXBIT.
inline constexpr size_t kHelperNameBytes = 16;
inline constexpr unsigned kLabelBits = 128;

struct HelperName {
  std::array<char, kHelperNameBytes> text{};
  uint8_t bytes = 0;

  std::string_view view() const { return {text.data(), bytes}; }
  bool operator==(const HelperName&) const = default;
};

struct Labels {
  std::array<uint64_t, kLabelBits / 64> words{};  // bit n of the label n

  bool any() const { return (words[0] | words[1]) != 0; }
  bool operator==(const Labels&) const = default;
};

struct Flow {
  // What the message says.
  Event event = Event::kNew;
  bool from_dump = false;  // an entry of the table rather than an event
  uint8_t family = 0;      // AF_INET or AF_INET6
  Leg orig;
  Leg reply;
  uint32_t id = 0;      // CTA_ID: repeats, so never an identity alone
  uint32_t mark = 0;    // 0 also when the message has none
  uint32_t status = 0;  // IPS_* bits
  uint32_t timeout_s = 0;
  bool has_counters = false;
  bool has_timeout = false;
  uint16_t zone = 0;
  ZoneDirection zone_direction = ZoneDirection::kBoth;
  uint8_t tcp_state = 0;   // enum tcp_conntrack; 0 also when the message has none
  uint8_t sctp_state = 0;  // enum sctp_conntrack, the same
  HelperName helper;
  Labels labels;
  bool has_master = false;
  Leg master;              // CTA_TUPLE_MASTER: the flow that announced this one
  TimePoint kernel_start;  // CTA_TIMESTAMP: of DESTROY and dumps, where timestamps were on
  TimePoint kernel_stop;
  TimePoint event_time;  // CTA_TIMESTAMP_EVENT

  // When we read it.
  TimePoint receipt;

  // What tracking adds. `sequence` numbers this record; the two others are the sequences of the
  // first record of this flow and of its parent, 0 when unknown. A number belongs to an epoch: 0 is
  // this run of the agent, the others are those that it found in the ledger.
  uint64_t sequence = 0;
  uint64_t first_sequence = 0;
  uint64_t parent_sequence = 0;
  uint16_t first_epoch = 0;
  uint16_t parent_epoch = 0;
  TimePoint start;  // the best known
  TimePoint end;    // of DESTROY, unless inferred
  StartClock start_clock = StartClock::kNone;
  Reason reason = Reason::kNone;
  TimePoint start_not_after;  // of an inferred start: when the flow was first seen
  TimePoint end_not_before;   // of an inferred end: until when it was surely there
  TimePoint end_not_after;    // and by when it was surely gone

  // What enrichers add.
  Annotations annotations;
};

}  // namespace natledger
