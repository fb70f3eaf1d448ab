// SPDX-License-Identifier: GPL-2.0-or-later
// The lines of a ledger from a number on, as far as they are safe to deliver.
//
// What is not synced may vanish in a power cut, and its number be used for nothing or be said to be
// skipped, while the destination keeps the line: so a line waits until it is synced.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "ledger/ledger.h"
#include "ledger/reader.h"

namespace natledger {

class LedgerTail {
 public:
  // From number `from` on. The ledger may not be there yet.
  LedgerTail(const LedgerOptions& ledger, uint64_t from);

  // The next line; false when there is none yet. `line.text` is valid until the next call. Throws
  // SystemError when a segment cannot be read.
  bool next(LedgerLine& line);

  // Numbers below this were removed by retention.
  uint64_t kept_from() const;
  std::vector<Damage> take_damages();

 private:
  bool open();
  bool read_on(LedgerReader& reader);
  bool may_follow(const LedgerLine& line);

  const LedgerOptions ledger_;
  uint64_t from_;
  std::unique_ptr<LedgerReader> reader_;
  LedgerLine held_;   // read and not yet synced; number 0: none
  uint64_t end_ = 0;  // lines below it can be delivered
  std::vector<Damage> damages_;
};

}  // namespace natledger
