// SPDX-License-Identifier: GPL-2.0-or-later
// What the index wants to know of a line. The ledger does not read flows; a function that does is
// given to whoever makes an index.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "base/time.h"

namespace natledger {

// An end of a flow as the outside saw it, and the other end.
struct PublicEnd {
  Endpoint seen;
  bool id_unknown = false;  // `seen` has an id that is not recorded
  IpAddress remote;
};

struct LineFacts {
  enum class Kind : uint8_t {
    kFlow,      // a flow has begun, or goes on
    kFlowEnd,   // a flow has ended
    kTime,      // only its number and its time count
    kTimeless,  // only its number does
    kKept,      // all of it is kept in the index
  };

  Kind kind = Kind::kKept;
  TimePoint at;  // its @timestamp
  // Of a flow, from here on.
  uint64_t flow = 0;  // the number of the flow's first line; 0: it cannot be told
  int protocol = 0;
  TimePoint start;  // no later than it began; the zero instant: not known
  TimePoint end;    // no earlier than it ended
  std::vector<PublicEnd> ends;
};

// `line` without its '\n'; every member of `facts` is set.
using ReadFacts = std::function<void(std::string_view line, uint64_t sequence, LineFacts& facts)>;

}  // namespace natledger
