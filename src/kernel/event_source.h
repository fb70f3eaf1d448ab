// SPDX-License-Identifier: GPL-2.0-or-later
// Where events come from. Two implementations: the kernel's socket and a capture file.
#pragma once

#include <cstdint>

#include "kernel/event_ring.h"

namespace natledger {

enum class Received : uint8_t {
  kSome,     // something was put into the ring; there may be more
  kDrained,  // all that there was is in the ring, and a kDrained mark behind it
  kNoRoom,   // the ring is full; try again when it is read
  kEnd,      // there will never be more; a kEnd mark is in the ring
};

class EventSource {
 public:
  virtual ~EventSource() = default;

  // Puts what is there into `ring` and publishes it. Does not wait for events. Throws SystemError
  // only when the source is broken for good.
  virtual Received receive(EventRing& ring) = 0;
};

}  // namespace natledger
