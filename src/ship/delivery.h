// SPDX-License-Identifier: GPL-2.0-or-later
// Lines on their way to a destination: attempt after attempt, until each has an outcome.
//
// Passive: attempt() makes one and says how long to wait before the next.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ship/backoff.h"
#include "ship/dead_letters.h"
#include "ship/destination.h"

namespace natledger {

class Delivery {
 public:
  struct Item {
    uint64_t sequence;
    size_t text_at, text_bytes;
    Outcome outcome;  // kAgain until it has one
  };

  // At most so many lines in an attempt.
  Delivery(std::unique_ptr<Destination> destination, uint64_t most_records, Backoff backoff);

  // `text` is copied.
  void add(uint64_t sequence, std::string_view text);
  // Nothing is sent of it: it has that outcome already.
  void pass(uint64_t sequence, Fate fate);

  size_t records() const { return items_.size(); }
  size_t bytes() const { return text_.size(); }
  bool is_done() const;
  // In the order in which they were added.
  std::span<const Item> items() const { return items_; }
  // Takes the first ones away, which have outcomes.
  void drop(size_t items);

  struct Step {
    Duration pause;       // before the next attempt
    std::string trouble;  // for the log; empty: none
    // What was refused for good in this attempt; valid until the next call of a member.
    std::vector<DeadLetter> refused;
  };
  // One attempt at the first lines without an outcome, if there are any.
  Step attempt();

  std::string memory() const { return destination_->memory(); }

 private:
  LedgerLine line_of(const Item& item) const;
  void take_outcomes(const Attempt& attempt, std::span<const size_t> sent, Step& step);
  Duration pause_after(const Attempt& attempt, std::span<const size_t> sent);

  const std::unique_ptr<Destination> destination_;
  const uint64_t most_records_;
  uint64_t most_at_once_;  // fewer after an attempt that was too large
  Backoff backoff_;
  std::vector<Item> items_;
  std::string text_;  // of the items
};

}  // namespace natledger
