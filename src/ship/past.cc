// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/past.h"

#include <filesystem>

#include "ledger/line.h"
#include "ledger/reader.h"
#include "ledger/segment.h"
#include "ledger/state.h"
#include "ship/dead_letters.h"

namespace natledger {

namespace {

// Whether the lines were written with that state: an agent that finds none draws a new id.
bool is_of_this_state(const LedgerOptions& ledger) {
  const auto state = read_state(ledger.state + "/sequence");
  if (!state) return false;
  LedgerReader reader{ledger.directory};
  LedgerLine line;
  return reader.next(line) && id_of(line.text).starts_with(state->ledger_id + "-");
}

}  // namespace

Past past_of(const LedgerOptions& ledger, const std::string& destination, const Cursor& cursor) {
  const uint64_t last = last_number(ledger.directory);
  const bool was_begun = !cursor.memory.empty() || cursor.accounted() != cursor.missing ||
                         std::filesystem::exists(dead_letter_path(ledger.state, destination));
  return {cursor.memory, last, last != 0 && !was_begun && is_of_this_state(ledger)};
}

}  // namespace natledger
