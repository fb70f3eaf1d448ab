// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/delivery.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace natledger {

namespace {

// Between attempts while somebody has to mend something.
constexpr Duration kHold = std::chrono::seconds{30};

bool has_outcome(const Delivery::Item& item) { return item.outcome.fate != Fate::kAgain; }

}  // namespace

Delivery::Delivery(std::unique_ptr<Destination> destination, uint64_t most_records, Backoff backoff)
    : destination_(std::move(destination)),
      most_records_(most_records),
      most_at_once_(most_records),
      backoff_(std::move(backoff)) {}

void Delivery::add(uint64_t sequence, std::string_view text) {
  items_.push_back({sequence, text_.size(), text.size(), {}});
  text_.append(text);
}

void Delivery::pass(uint64_t sequence, Fate fate) {
  items_.push_back({sequence, text_.size(), 0, {}});
  items_.back().outcome.fate = fate;
}

bool Delivery::is_done() const { return std::ranges::all_of(items_, has_outcome); }

void Delivery::drop(size_t items) {
  items_.erase(items_.begin(), items_.begin() + static_cast<ptrdiff_t>(items));
  if (items_.empty()) text_.clear();
}

LedgerLine Delivery::line_of(const Item& item) const {
  return {std::string_view{text_}.substr(item.text_at, item.text_bytes), item.sequence};
}

Delivery::Step Delivery::attempt() {
  std::vector<LedgerLine> lines;
  std::vector<size_t> sent;
  for (size_t i = 0; i < items_.size() && lines.size() < most_at_once_; ++i) {
    if (has_outcome(items_[i])) continue;
    lines.push_back(line_of(items_[i]));
    sent.push_back(i);
  }
  if (lines.empty()) return {};
  const Attempt attempt = destination_->deliver(lines);
  check(attempt.outcomes.empty() || attempt.outcomes.size() == lines.size(),
        "a destination has no outcome for each record");
  Step step;
  step.trouble = attempt.trouble;
  step.pause = pause_after(attempt, sent);
  take_outcomes(attempt, sent, step);
  return step;
}

void Delivery::take_outcomes(const Attempt& attempt, std::span<const size_t> sent, Step& step) {
  for (size_t i = 0; i < sent.size(); ++i) {
    Item& item = items_[sent[i]];
    if (!attempt.outcomes.empty()) item.outcome = attempt.outcomes[i];
    if (item.outcome.fate == Fate::kRefused) step.refused.push_back({line_of(item), &item.outcome});
  }
}

Duration Delivery::pause_after(const Attempt& attempt, std::span<const size_t> sent) {
  const bool some = std::ranges::any_of(
      attempt.outcomes, [](const Outcome& outcome) { return outcome.fate != Fate::kAgain; });
  if (some) backoff_.reset();
  switch (attempt.next) {
    case Attempt::Next::kGoOn:
      // Slowly: where the limit is the server's, each attempt above it is in vain.
      most_at_once_ = std::min(most_at_once_ + most_at_once_ / 10 + 1, most_records_);
      return {};
    case Attempt::Next::kSmaller:
      most_at_once_ = std::max<uint64_t>(1, sent.size() / 2);
      if (sent.size() == 1) items_[sent[0]].outcome = attempt.whole;
      return {};
    case Attempt::Next::kBackOff:
      return std::max(attempt.pause, backoff_.next());
    case Attempt::Next::kHold:
      return std::max(attempt.pause, kHold);
  }
  return {};
}

}  // namespace natledger
