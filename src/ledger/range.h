// SPDX-License-Identifier: GPL-2.0-or-later
// Part of a ledger, as people name it: by numbers or by times.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"

namespace natledger {

// Lines within both, ends included.
struct LedgerRange {
  uint64_t first = 1;
  uint64_t last = UINT64_MAX;
  TimePoint from{INT64_MIN};
  TimePoint to{INT64_MAX};
};

// --from and --to: a sequence, or an RFC 3339 time; empty: open. Throws ConfigError.
LedgerRange read_range(const std::string& from, const std::string& to);

}  // namespace natledger
