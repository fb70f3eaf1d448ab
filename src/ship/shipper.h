// SPDX-License-Identifier: GPL-2.0-or-later
// Takes the lines of a ledger to one destination: the cursor, batches, repeats, dead letters.
//
// Passive: step() does one thing and says when it wants to be called next. Only what is between the
// cursor and the end of the last batch is in memory, so a destination that is away costs disk
// alone. The cursor moves, durably, behind the destination's answer, up to the first record without
// one; a dead letter is on disk before it does.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "ledger/cursor.h"
#include "ship/backoff.h"
#include "ship/dead_letters.h"
#include "ship/delivery.h"
#include "ship/drop_fields.h"
#include "ship/ledger_tail.h"
#include "ship/past.h"

namespace natledger {

struct ShipperOptions {
  std::string name;      // of the destination
  uint64_t workers = 1;  // batches under way at once
  uint64_t batch_records = 1600;
  uint64_t batch_bytes = 5 << 20;
  Duration flush_interval = std::chrono::seconds{1};  // a batch that is not full waits so long
  BackoffOptions backoff = {};
  // Which lines are for this destination; empty: all.
  std::function<bool(std::string_view line)> selects;
  std::vector<std::string> drop_fields;   // members of a record that it does not get
  uint64_t dead_letter_bytes = 1U << 30;  // of the file of dead letters, at most
};

// Throws SystemError.
using MakeDestination = std::function<std::unique_ptr<Destination>(const Past& past)>;

class Shipper {
 public:
  // Opens cursor, dead letters and destination. `random` gives numbers in [0, 1). Throws
  // SystemError.
  Shipper(const LedgerOptions& ledger, ShipperOptions options, const MakeDestination& make,
          const std::function<double()>& random);

  // One attempt at each batch that is due, or a look for lines. How long there is nothing to do
  // then; zero: go on at once. Throws SystemError when the ledger cannot be read, or cursor or dead
  // letters be written.
  Duration step(TimePoint at);

  const Cursor& cursor() const { return cursor_; }

 private:
  // A batch on its way.
  struct Lane {
    Lane(std::unique_ptr<Destination> destination, uint64_t most_records, Backoff backoff)
        : batch(std::move(destination), most_records, std::move(backoff)) {}

    Delivery batch;
    TimePoint begun;  // when its first line was read
    TimePoint wait_until;
    bool closed = false;  // no more lines are added
  };

  bool fill(TimePoint at);
  bool fill_one(Lane& lane, TimePoint at);
  Lane* open_lane();
  bool is_full(const Lane& lane) const;
  std::vector<Lane*> due_lanes(TimePoint at, bool more);
  Duration rest(TimePoint at, bool more) const;
  void attempt(const std::vector<Lane*>& lanes, TimePoint at);
  void bury(std::span<const DeadLetter> letters, TimePoint at);
  std::deque<Lane> make_lanes(const LedgerOptions& ledger, const MakeDestination& make,
                              const std::function<double()>& random) const;
  void miss(Cursor& moved, uint64_t until) const;
  void move_cursor();
  std::string memory() const;
  void say(const std::string& trouble, TimePoint at);

  const ShipperOptions options_;
  CursorFile cursor_file_;
  Cursor cursor_;
  std::deque<Lane> lanes_;
  std::deque<Lane*> busy_;    // those with lines, in the order of their numbers
  DeadLetters dead_letters_;  // behind the lanes: a trace of what has begun
  LedgerTail tail_;
  FieldDropper dropper_;

  TimePoint last_step_;
  bool in_trouble_ = false;
  LogThrottle throttle_;
  uint64_t unsaid_dead_ = 0;  // dead letters since the log spoke of them last
  LogThrottle dead_throttle_;
};

}  // namespace natledger
