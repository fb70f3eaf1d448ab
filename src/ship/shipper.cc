// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/shipper.h"

#include <algorithm>
#include <future>
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
                 const std::function<double()>& random)
    : options_(std::move(options)),
      cursor_file_(ledger.state, options_.name),
      cursor_(begin(cursor_file_, ledger)),
      lanes_(make_lanes(ledger, make, random)),
      dead_letters_(ledger.state, options_.name, cursor_.next, options_.dead_letter_bytes),
      tail_(ledger, cursor_.next),
      dropper_(options_.drop_fields) {
  // What it is about to send it must remember before.
  cursor_.memory = lanes_.front().batch.memory();
  cursor_file_.store(cursor_);
}

std::deque<Shipper::Lane> Shipper::make_lanes(const LedgerOptions& ledger,
                                              const MakeDestination& make,
                                              const std::function<double()>& random) const {
  const Past past = past_of(ledger, options_.name, cursor_);
  std::deque<Lane> lanes;
  for (uint64_t i = 0; i < options_.workers; ++i) {
    lanes.emplace_back(make(past), options_.batch_records, Backoff{options_.backoff, random});
    random();  // else all would pause alike
  }
  return lanes;
}

Duration Shipper::step(TimePoint at) {
  // A clock that was set back makes nothing wait for it.
  if (at < last_step_) {
    for (Lane& lane : lanes_) lane.begun = lane.wait_until = at;
  }
  last_step_ = at;
  const bool more = fill(at);
  const std::vector<Lane*> due = due_lanes(at, more);
  if (!due.empty()) attempt(due, at);
  return rest(at, more);
}

bool Shipper::is_full(const Lane& lane) const {
  return lane.batch.records() >= options_.batch_records ||
         lane.batch.bytes() >= options_.batch_bytes;
}

// The lane that takes the next line; null: all are on their way.
Shipper::Lane* Shipper::open_lane() {
  if (!busy_.empty() && !busy_.back()->closed) return busy_.back();
  for (Lane& lane : lanes_) {
    if (lane.batch.records() != 0) continue;
    lane.closed = false;
    lane.wait_until = {};
    return busy_.emplace_back(&lane);
  }
  return nullptr;
}

// Reads lines until every batch is full. Whether there may be more.
bool Shipper::fill(TimePoint at) {
  bool more = true;
  while (more) {
    Lane* const lane = open_lane();
    if (lane == nullptr) break;
    more = fill_one(*lane, at);
    if (lane->batch.records() == 0) busy_.pop_back();
  }
  for (const Damage& damage : tail_.take_damages()) {
    log_error("ship to " + options_.name + ": " + damage.path + ": " + damage.what +
              "; what stood there is not delivered (restore the file)");
  }
  return more;
}

bool Shipper::fill_one(Lane& lane, TimePoint at) {
  LedgerLine line;
  bool more = true;
  while (!is_full(lane) && (more = tail_.next(line))) {
    if (lane.batch.records() == 0) lane.begun = at;
    if (dead_letters_.has(line.sequence)) {
      // A kill came between it and the cursor; sent again, it might be taken, and be there as well.
      lane.batch.pass(line.sequence, Fate::kRefused);
    } else if (options_.selects && !options_.selects(line.text)) {
      lane.batch.pass(line.sequence, Fate::kPassed);
    } else {
      lane.batch.add(line.sequence, dropper_.without(line.text));
    }
  }
  lane.closed = is_full(lane);
  return more;
}

// A batch is sent when it is full, or has waited long enough to be. One that is done waits for
// those before it; of the first nothing was to be sent, and the cursor moves over it.
std::vector<Shipper::Lane*> Shipper::due_lanes(TimePoint at, bool more) {
  std::vector<Lane*> due;
  for (Lane* const lane : busy_) {
    const bool waits = lane->closed && lane->batch.is_done() && lane != busy_.front();
    if (at < lane->wait_until || waits) continue;
    if (!lane->closed && !more && at < lane->begun + options_.flush_interval) continue;
    lane->closed = true;
    due.push_back(lane);
  }
  return due;
}

// Until something is due, or there may be a new line.
Duration Shipper::rest(TimePoint at, bool more) const {
  Duration least = Duration::max();
  bool room = busy_.size() < lanes_.size();
  for (const Lane* const lane : busy_) {
    if (lane->closed && lane->batch.is_done()) continue;
    room = room || !lane->closed;
    const TimePoint due = lane->closed ? lane->wait_until : lane->begun + options_.flush_interval;
    least = std::min(least, std::max(Duration{}, due - at));
  }
  if (!room) return least;
  return more ? Duration{} : std::min(least, kPoll);
}

// All at once; the calling thread makes the first.
void Shipper::attempt(const std::vector<Lane*>& lanes, TimePoint at) {
  std::vector<std::future<Delivery::Step>> others;
  for (size_t i = 1; i < lanes.size(); ++i) {
    others.push_back(
        std::async(std::launch::async, [batch = &lanes[i]->batch] { return batch->attempt(); }));
  }
  std::vector<Delivery::Step> steps{lanes[0]->batch.attempt()};
  for (auto& other : others) steps.push_back(other.get());
  std::string trouble;
  for (size_t i = 0; i < lanes.size(); ++i) {
    lanes[i]->wait_until = at + steps[i].pause;
    if (trouble.empty()) trouble = steps[i].trouble;
    bury(steps[i].refused, at);
  }
  say(trouble, at);
  move_cursor();
}

void Shipper::bury(std::span<const DeadLetter> letters, TimePoint at) {
  if (letters.empty()) return;
  dead_letters_.add(letters, at);
  unsaid_dead_ += letters.size();
  uint64_t suppressed = 0;
  if (!dead_throttle_.pass(at, suppressed)) return;
  const Outcome& one = *letters.front().outcome;
  log_error("ship to " + options_.name + ": " + std::to_string(std::exchange(unsaid_dead_, 0)) +
            " records were refused for good, one with status " + std::to_string(one.status) + " " +
            one.type + ": " + one.reason + "; they are in " + dead_letters_.path());
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

namespace {

void count(Cursor& cursor, Fate fate) {
  switch (fate) {
    case Fate::kDelivered:
      ++cursor.delivered;
      break;
    case Fate::kDuplicate:
      ++cursor.duplicate;
      break;
    case Fate::kPassed:
      ++cursor.passed;
      break;
    case Fate::kRefused:
      ++cursor.dead;
      break;
    case Fate::kAgain:
      break;
  }
}

}  // namespace

// Up to the first line without an outcome.
void Shipper::move_cursor() {
  Cursor moved = cursor_;
  std::vector<size_t> done(busy_.size());
  for (size_t i = 0; i < busy_.size(); ++i) {
    const auto items = busy_[i]->batch.items();
    for (const Delivery::Item& item : items) {
      if (item.outcome.fate == Fate::kAgain) break;
      if (item.sequence > moved.next) miss(moved, item.sequence);
      count(moved, item.outcome.fate);
      moved.next = item.sequence + 1;
      ++done[i];
    }
    if (done[i] < items.size()) break;
  }
  moved.memory = memory();
  if (moved == cursor_) return;
  cursor_file_.store(moved);
  cursor_ = moved;
  for (size_t i = 0; i < done.size(); ++i) busy_[i]->batch.drop(done[i]);
  while (!busy_.empty() && busy_.front()->batch.records() == 0) busy_.pop_front();
}

// What all that are on their way agree on; else what was remembered before, which only means that
// more is looked for after a restart.
std::string Shipper::memory() const {
  if (busy_.empty()) return cursor_.memory;
  std::string first = busy_.front()->batch.memory();
  const bool agree =
      std::ranges::all_of(busy_, [&](const Lane* lane) { return lane->batch.memory() == first; });
  return agree ? first : cursor_.memory;
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
