// SPDX-License-Identifier: GPL-2.0-or-later
// How far each destination has come with the ledger.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "ledger/cursor.h"
#include "ledger/ledger.h"

namespace natledger {

struct ShipStatus {
  uint64_t last = 0;  // the number of the ledger's newest line
  TimePoint last_time;
  struct One {
    NamedCursor named;
    uint64_t waiting = 0;  // records
    TimePoint oldest;      // of these; the zero instant: none waits
    // Where it was watched: how fast it goes, and how long until nothing waits, at this rate and
    // that of new records; none: it does not come nearer.
    std::optional<double> per_second;
    std::optional<Duration> left;
  };
  std::vector<One> destinations;
};

// Throws SystemError when the ledger cannot be read.
ShipStatus read_ship_status(const LedgerOptions& ledger);

// The same twice, so far apart where something waits: then it says how long that will take.
ShipStatus watch_ship_status(const LedgerOptions& ledger, Duration watch);

std::string status_text(const ShipStatus& status);
std::string status_json(const ShipStatus& status);

}  // namespace natledger
