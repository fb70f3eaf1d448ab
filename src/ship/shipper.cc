// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/shipper.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace natledger {

namespace {

// Between looks for new lines.
constexpr Duration kPoll = std::chrono::milliseconds{100};
// Between attempts while somebody has to mend something.
constexpr Duration kHold = std::chrono::seconds{30};

}  // namespace

Shipper::Shipper(const LedgerOptions& ledger, ShipperOptions options, const MakeDestination& make,
                 std::function<double()> random)
    : options_(std::move(options)),
      cursor_file_(ledger.state, options_.name),
      cursor_(cursor_file_.cursor()),
      dead_letters_(ledger.state, options_.name, cursor_.next),
      destination_(make(cursor_.memory)),
      tail_(ledger, cursor_.next),
      backoff_(options_.backoff, std::move(random)),
      most_at_once_(options_.batch_records) {
  if (cursor_file_.is_new()) begin();
}

// What was removed before the destination was there is not lost to it. Stored at once, so that
// retention knows of the destination.
void Shipper::begin() {
  const uint64_t kept_from = tail_.kept_from();
  if (kept_from > cursor_.next) {
    cursor_.missing = kept_from - cursor_.next;
    cursor_.next = kept_from;
  }
  cursor_file_.store(cursor_);
}

Duration Shipper::step(TimePoint at) {
  if (at < wait_until_) return wait_until_ - at;
  const bool more = fill(at);
  if (batch_.empty()) return kPoll;
  const TimePoint due = batch_begun_ + options_.flush_interval;
  if (!is_full() && !more && at < due) return std::min(kPoll, due - at);
  const Duration pause = attempt(at);
  wait_until_ = at + pause;
  return pause;
}

bool Shipper::is_full() const {
  return batch_.size() >= options_.batch_records || text_.size() >= options_.batch_bytes;
}

// Reads lines until the batch is full. Whether there may be more.
bool Shipper::fill(TimePoint at) {
  LedgerLine line;
  bool more = true;
  while (!is_full() && (more = tail_.next(line))) {
    if (batch_.empty()) batch_begun_ = at;
    const bool passed = options_.selects && !options_.selects(line.text);
    Pending& pending = batch_.emplace_back(Pending{line.sequence, text_.size(), 0, {}});
    if (passed) {
      pending.outcome.fate = Fate::kPassed;
      continue;
    }
    pending.text_bytes = line.text.size();
    text_.append(line.text);
  }
  for (const Damage& damage : tail_.take_damages()) {
    log_error("ship to " + options_.name + ": " + damage.path + ": " + damage.what +
              "; what stood there is not delivered (restore the file)");
  }
  return more;
}

LedgerLine Shipper::line_of(const Pending& pending) const {
  return {std::string_view{text_}.substr(pending.text_at, pending.text_bytes), pending.sequence};
}

// Sends the first lines that have no outcome yet.
Duration Shipper::attempt(TimePoint at) {
  std::vector<LedgerLine> lines;
  std::vector<size_t> sent;
  for (size_t i = 0; i < batch_.size() && lines.size() < most_at_once_; ++i) {
    if (batch_[i].outcome.fate != Fate::kAgain) continue;
    lines.push_back(line_of(batch_[i]));
    sent.push_back(i);
  }
  Attempt attempt;
  if (!lines.empty()) attempt = destination_->deliver(lines);
  check(attempt.outcomes.empty() || attempt.outcomes.size() == lines.size(),
        "a destination has no outcome for each record");
  say(attempt, at);
  if (attempt.next == Attempt::Next::kSmaller) shrink(attempt, sent);
  take_outcomes(attempt, sent, at);
  move_cursor();
  return pause_after(attempt);
}

void Shipper::shrink(const Attempt& attempt, const std::vector<size_t>& sent) {
  most_at_once_ = std::max<size_t>(1, sent.size() / 2);
  if (sent.size() == 1) batch_[sent[0]].outcome = attempt.whole;
}

void Shipper::take_outcomes(const Attempt& attempt, const std::vector<size_t>& sent, TimePoint at) {
  std::vector<DeadLetter> letters;
  for (size_t i = 0; i < sent.size(); ++i) {
    Pending& pending = batch_[sent[i]];
    if (!attempt.outcomes.empty()) pending.outcome = attempt.outcomes[i];
    if (pending.outcome.fate == Fate::kRefused) {
      letters.push_back({line_of(pending), &pending.outcome});
    }
  }
  if (!letters.empty()) {
    dead_letters_.add(letters, at);
    log_error("ship to " + options_.name + ": " + std::to_string(letters.size()) +
              " records were refused for good, the first with status " +
              std::to_string(letters[0].outcome->status) + " " + letters[0].outcome->type + ": " +
              letters[0].outcome->reason + "; they are in " + dead_letters_.path());
  }
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
  for (; done < batch_.size() && batch_[done].outcome.fate != Fate::kAgain; ++done) {
    const Pending& pending = batch_[done];
    if (pending.sequence > moved.next) miss(moved, pending.sequence);
    switch (pending.outcome.fate) {
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
    moved.next = pending.sequence + 1;
  }
  moved.memory = destination_->memory();
  if (moved == cursor_) return;
  cursor_file_.store(moved);
  cursor_ = moved;
  batch_.erase(batch_.begin(), batch_.begin() + static_cast<ptrdiff_t>(done));
  if (batch_.empty()) text_.clear();
}

Duration Shipper::pause_after(const Attempt& attempt) {
  const bool some = std::ranges::any_of(
      attempt.outcomes, [](const Outcome& outcome) { return outcome.fate != Fate::kAgain; });
  if (some) backoff_.reset();
  switch (attempt.next) {
    case Attempt::Next::kGoOn:
      most_at_once_ = std::min<size_t>(2 * most_at_once_, options_.batch_records);
      return {};
    case Attempt::Next::kSmaller:
      return {};
    case Attempt::Next::kBackOff:
      return std::max(attempt.pause, backoff_.next());
    case Attempt::Next::kHold:
      return std::max(attempt.pause, kHold);
  }
  return {};
}

void Shipper::say(const Attempt& attempt, TimePoint at) {
  if (attempt.trouble.empty()) {
    if (std::exchange(in_trouble_, false)) log_info("ship to " + options_.name + ": goes on");
    return;
  }
  in_trouble_ = true;
  uint64_t suppressed = 0;
  if (throttle_.pass(at, suppressed))
    log_warning("ship to " + options_.name + ": " + attempt.trouble);
}

}  // namespace natledger
