// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/shipper.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "ledger/state.h"

namespace natledger {

namespace {

// Between looks for new lines.
constexpr Duration kPoll = std::chrono::milliseconds{100};

// Where to go on. What was removed before the destination was there is not lost to it. Stored at
// once, before the destination can fail, so that retention knows of it.
Cursor begin(CursorFile& file, const LedgerOptions& ledger) {
  Cursor cursor = file.cursor();
  if (!file.is_new()) return cursor;
  const auto state = read_state(ledger.state + "/sequence");
  if (state && state->kept_from > cursor.next) {
    cursor.missing = state->kept_from - cursor.next;
    cursor.next = state->kept_from;
  }
  file.store(cursor);
  return cursor;
}

}  // namespace

Shipper::Shipper(const LedgerOptions& ledger, ShipperOptions options, const MakeDestination& make,
                 std::function<double()> random)
    : options_(std::move(options)),
      cursor_file_(ledger.state, options_.name),
      cursor_(begin(cursor_file_, ledger)),
      dead_letters_(ledger.state, options_.name, cursor_.next, options_.dead_letter_bytes),
      batch_(make(cursor_.memory), options_.batch_records, {options_.backoff, std::move(random)}),
      tail_(ledger, cursor_.next),
      dropper_(options_.drop_fields) {}

Duration Shipper::step(TimePoint at) {
  if (at < wait_until_) return wait_until_ - at;
  const bool more = fill(at);
  if (batch_.records() == 0) return kPoll;
  const TimePoint due = batch_begun_ + options_.flush_interval;
  if (!is_full() && !more && at < due) return std::min(kPoll, due - at);
  const Duration pause = attempt(at);
  wait_until_ = at + pause;
  return pause;
}

bool Shipper::is_full() const {
  return batch_.records() >= options_.batch_records || batch_.bytes() >= options_.batch_bytes;
}

// Reads lines until the batch is full. Whether there may be more.
bool Shipper::fill(TimePoint at) {
  LedgerLine line;
  bool more = true;
  while (!is_full() && (more = tail_.next(line))) {
    if (batch_.records() == 0) batch_begun_ = at;
    const bool selected = !options_.selects || options_.selects(line.text);
    selected ? batch_.add(line.sequence, dropper_.without(line.text)) : batch_.pass(line.sequence);
  }
  for (const Damage& damage : tail_.take_damages()) {
    log_error("ship to " + options_.name + ": " + damage.path + ": " + damage.what +
              "; what stood there is not delivered (restore the file)");
  }
  return more;
}

Duration Shipper::attempt(TimePoint at) {
  const Delivery::Step step = batch_.attempt();
  say(step.trouble, at);
  bury(step.refused, at);
  move_cursor();
  return step.pause;
}

void Shipper::bury(std::span<const DeadLetter> letters, TimePoint at) {
  if (letters.empty()) return;
  dead_letters_.add(letters, at);
  const Outcome& first = *letters.front().outcome;
  log_error("ship to " + options_.name + ": " + std::to_string(letters.size()) +
            " records were refused for good, the first with status " +
            std::to_string(first.status) + " " + first.type + ": " + first.reason +
            "; they are in " + dead_letters_.path());
}

// The numbers from moved.next up to `until` that no line has any more, or never had.
void Shipper::miss(Cursor& moved, uint64_t until) const {
  moved.missing += until - moved.next;
  const uint64_t kept_from = std::min(tail_.kept_from(), until);
  if (kept_from <= moved.next) return;
  moved.lost += kept_from - moved.next;
  log_error("ship to " + options_.name + ": the numbers " + std::to_string(moved.next) + " to " +
            std::to_string(kept_from - 1) +
            " were removed before they were delivered, and are lost to this destination (see "
            "ledger.keep)");
}

// Up to the first line without an outcome.
void Shipper::move_cursor() {
  Cursor moved = cursor_;
  size_t done = 0;
  for (const Delivery::Item& item : batch_.items()) {
    if (item.outcome.fate == Fate::kAgain) break;
    if (item.sequence > moved.next) miss(moved, item.sequence);
    switch (item.outcome.fate) {
      case Fate::kDelivered:
        ++moved.delivered;
        break;
      case Fate::kDuplicate:
        ++moved.duplicate;
        break;
      case Fate::kPassed:
        ++moved.passed;
        break;
      case Fate::kRefused:
        ++moved.dead;
        break;
      case Fate::kAgain:
        break;
    }
    moved.next = item.sequence + 1;
    ++done;
  }
  moved.memory = batch_.memory();
  if (moved == cursor_) return;
  cursor_file_.store(moved);
  cursor_ = moved;
  batch_.drop(done);
}

void Shipper::say(const std::string& trouble, TimePoint at) {
  if (trouble.empty()) {
    if (std::exchange(in_trouble_, false)) log_info("ship to " + options_.name + ": goes on");
    return;
  }
  in_trouble_ = true;
  uint64_t suppressed = 0;
  if (throttle_.pass(at, suppressed)) log_warning("ship to " + options_.name + ": " + trouble);
}

}  // namespace natledger
