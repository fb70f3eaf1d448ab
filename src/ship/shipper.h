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
#include "ship/destination.h"
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
  // A line between the cursor and the end of the batch.
  struct Pending {
    uint64_t sequence;
    size_t text_at, text_bytes;
    Outcome outcome;  // kAgain until it has one
  };

  void begin();
  bool fill(TimePoint at);
  bool is_full() const;
  LedgerLine line_of(const Pending& pending) const;
  Duration attempt(TimePoint at);
  void take_outcomes(const Attempt& attempt, const std::vector<size_t>& sent, TimePoint at);
  void miss(Cursor& moved, uint64_t until) const;
  void move_cursor();
  Duration pause_after(const Attempt& attempt);
  void shrink(const Attempt& attempt, const std::vector<size_t>& sent);
  void say(const Attempt& attempt, TimePoint at);

  const ShipperOptions options_;
  CursorFile cursor_file_;
  Cursor cursor_;
  DeadLetters dead_letters_;
  const std::unique_ptr<Destination> destination_;
  LedgerTail tail_;
  Backoff backoff_;

  std::vector<Pending> batch_;
  std::string text_;       // of the batch's lines
  TimePoint batch_begun_;  // when its first line was read
  TimePoint wait_until_;
  size_t most_at_once_;  // lines in an attempt; fewer after one that was too large
  bool in_trouble_ = false;
  LogThrottle throttle_;
};

}  // namespace natledger
