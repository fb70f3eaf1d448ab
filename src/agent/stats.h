// SPDX-License-Identifier: GPL-2.0-or-later
// The pipeline's books. They must balance:
//   received = flows + ignored + malformed + duplicate + filtered
//   written = flows + coverage + inferred
#pragma once

#include <cstdint>

namespace natledger {

struct Stats {
  // Messages that came, and what became of each.
  uint64_t received = 0;
  uint64_t flows = 0;
  uint64_t ignored = 0;
  uint64_t malformed = 0;
  uint64_t duplicate = 0;  // told what had been told before
  uint64_t filtered = 0;   // events not asked for, or of our own connections
  // Lines that went to the ledger.
  uint64_t written = 0;
  uint64_t coverage = 0;
  uint64_t inferred = 0;
  // Events that never came.
  uint64_t dropped = 0;
  uint64_t overruns = 0;

  // What has happened since `before`.
  Stats since(const Stats& before) const {
    Stats rest = *this;
    rest.received -= before.received;
    rest.flows -= before.flows;
    rest.ignored -= before.ignored;
    rest.malformed -= before.malformed;
    rest.duplicate -= before.duplicate;
    rest.filtered -= before.filtered;
    rest.written -= before.written;
    rest.coverage -= before.coverage;
    rest.inferred -= before.inferred;
    rest.dropped -= before.dropped;
    rest.overruns -= before.overruns;
    return rest;
  }

  bool balances() const {
    return received == flows + ignored + malformed + duplicate + filtered &&
           written == flows + coverage + inferred;
  }
};

}  // namespace natledger
