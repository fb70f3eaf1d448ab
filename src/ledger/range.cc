// SPDX-License-Identifier: GPL-2.0-or-later
#include "ledger/range.h"

#include "base/error.h"
#include "base/quantity.h"

namespace natledger {

namespace {

void read_bound(const char* option, const std::string& text, uint64_t& sequence, TimePoint& time) {
  if (text.empty()) return;
  if (const auto number = parse_count(text); number && *number != 0) {
    sequence = *number;
  } else if (const auto at = parse_rfc3339(text)) {
    time = *at;
  } else {
    throw ConfigError(std::string{option} + ": \"" + text +
                      "\" is neither a sequence from 1 nor a time with its offset, such as "
                      "2014-02-22T12:27:04Z");
  }
}

}  // namespace

LedgerRange read_range(const std::string& from, const std::string& to) {
  LedgerRange range;
  read_bound("--from", from, range.first, range.from);
  read_bound("--to", to, range.last, range.to);
  return range;
}

}  // namespace natledger
