// SPDX-License-Identifier: GPL-2.0-or-later
// A copy of part of a ledger, made while an agent writes it: whole segments, to the byte, so that
// seals and archives hold in the copy too.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "ledger/range.h"

namespace natledger {

struct Exported {
  uint64_t segments = 0;
  uint64_t bytes = 0;
  uint64_t first = 0;  // numbers of the lines copied; 0: none
  uint64_t last = 0;
};

// Copies the segments that may have a line of `range` from the ledger in `source` into `target`,
// which must be empty or not there yet. Of the active segment the whole lines that are there now.
// The newest first: what retention removes meanwhile is missing at the beginning alone. Throws
// SystemError; the copy is then partial, and its last file may be cut.
Exported export_ledger(const std::string& source, const std::string& target,
                       const LedgerRange& range,
                       const std::function<void(uint64_t bytes)>& progress);

}  // namespace natledger
