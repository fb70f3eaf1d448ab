// SPDX-License-Identifier: GPL-2.0-or-later
// What may have gone to a destination from here without the cursor's knowing.
//
// A run that was killed sent more than its cursor says, a few requests at most. But a state that
// was put back knows nothing of all that was sent since it was copied, and one that was lost knows
// of nothing. What is certain is that whatever was sent stood in the ledger then; so every line
// that is there now may have been. Nothing was, as far as is known here, only where the state was
// never without this ledger and has no trace of the destination: in a first run.
#pragma once

#include <cstdint>
#include <string>

#include "ledger/cursor.h"
#include "ledger/ledger.h"

namespace natledger {

struct Past {
  std::string memory;  // as the destination left it with the cursor; empty: nobody knows
  uint64_t up_to = 0;  // numbers up to this one may have been sent; 0: none ever was
  // Nothing was, unless the state was put back from before the destination was configured.
  bool is_first_run = false;
};

// Before anything of the destination is made but its cursor. Throws SystemError when the ledger
// cannot be read.
Past past_of(const LedgerOptions& ledger, const std::string& destination, const Cursor& cursor);

}  // namespace natledger
