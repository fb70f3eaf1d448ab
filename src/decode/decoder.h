// SPDX-License-Identifier: GPL-2.0-or-later
// One ctnetlink message becomes one Flow, or the reason why not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "flow/flow.h"

namespace natledger {

enum class Decoded : uint8_t {
  kFlow,
  // Well formed and not about a flow: another subsystem, an answer, an end of dump.
  kIgnored,
  // The rest is malformed. The kernel sends none of it; a capture file may.
  kShortMessage,
  kBadAttribute,
  kNoTuple,
  kWrongFamily,
};

inline bool is_malformed(Decoded result) { return result > Decoded::kIgnored; }
std::string_view to_text(Decoded result);

// Decodes one message, header included (linux/netlink.h, then linux/netfilter/nfnetlink.h), as
// Linux 3.x to 6.18 send it to the conntrack groups and in dumps. Fills all of `flow` but what
// tracking and enrichers add and `receipt`, which are reset; on anything but kFlow, `flow` is reset
// whole. Attributes that are not known are passed over.
Decoded decode(std::span<const std::byte> message, Flow& flow);

// Calls `visit(message)` for each message of a datagram. False when bytes remain that are no
// message.
template <class Visit>
bool for_each_message(std::span<const std::byte> datagram, Visit visit);

// The bytes of the message at the front of `datagram` with its padding, or 0 when there is none.
size_t message_bytes(std::span<const std::byte> datagram);

template <class Visit>
bool for_each_message(std::span<const std::byte> datagram, Visit visit) {
  while (!datagram.empty()) {
    const size_t bytes = message_bytes(datagram);
    if (bytes == 0) return false;
    visit(datagram.first(bytes));
    datagram = datagram.subspan(bytes);
  }
  return true;
}

}  // namespace natledger
