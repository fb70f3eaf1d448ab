// SPDX-License-Identifier: GPL-2.0-or-later
// Takes the lines of a ledger to one destination: the cursor, batches, repeats, dead letters.
//
// Passive: step() does one thing and says when it wants to be called next. Only what is between the
// cursor and the end of the batch is in memory, so a destination that is away costs disk alone. The
// cursor moves, durably, behind the destination's answer; a dead letter is on disk before it does.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "ledger/cursor.h"
#include "ship/backoff.h"
#include "ship/dead_letters.h"
#include "ship/delivery.h"
#include "ship/drop_fields.h"
#include "ship/ledger_tail.h"

namespace natledger {

struct ShipperOptions {
  std::string name;  // of the destination
  uint64_t batch_records = 1600;
  uint64_t batch_bytes = 5 << 20;
  Duration flush_interval = std::chrono::seconds{1};  // a batch that is not full waits so long
  BackoffOptions backoff = {};
  // Which lines are for this destination; empty: all.
  std::function<bool(std::string_view line)> selects;
  std::vector<std::string> drop_fields;   // members of a record that it does not get
  uint64_t dead_letter_bytes = 1U << 30;  // of the file of dead letters, at most
};

// `memory`: what the destination remembered when its cursor was stored last. Throws SystemError.
using MakeDestination = std::function<std::unique_ptr<Destination>(const std::string& memory)>;

class Shipper {
 public:
  // Opens cursor, dead letters and destination. `random` gives numbers in [0, 1). Throws
  // SystemError.
  Shipper(const LedgerOptions& ledger, ShipperOptions options, const MakeDestination& make,
          std::function<double()> random);

  // One attempt, or a look for lines. How long there is nothing to do then; zero: go on at once.
  // Throws SystemError when the ledger cannot be read, or cursor or dead letters be written.
  Duration step(TimePoint at);

  const Cursor& cursor() const { return cursor_; }

 private:
  bool fill(TimePoint at);
  bool is_full() const;
  Duration attempt(TimePoint at);
  void bury(std::span<const DeadLetter> letters, TimePoint at);
  void miss(Cursor& moved, uint64_t until) const;
  void move_cursor();
  void say(const std::string& trouble, TimePoint at);

  const ShipperOptions options_;
  CursorFile cursor_file_;
  Cursor cursor_;
  DeadLetters dead_letters_;
  Delivery batch_;
  LedgerTail tail_;
  FieldDropper dropper_;

  TimePoint batch_begun_;  // when its first line was read
  TimePoint wait_until_;
  bool in_trouble_ = false;
  LogThrottle throttle_;
};

}  // namespace natledger
