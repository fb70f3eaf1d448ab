// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/delivery.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace natledger {
namespace {

using Next = Attempt::Next;

// Takes so many lines at once, and remembers how many it was sent.
class Narrow final : public Destination {
 public:
  explicit Narrow(size_t most, std::vector<size_t>& sent) : most_(most), sent_(sent) {}

  Attempt deliver(std::span<const LedgerLine> lines) override {
    sent_.push_back(lines.size());
    Attempt attempt;
    if (lines.size() > most_) {
      attempt.next = Next::kSmaller;
      attempt.whole = {Fate::kRefused, 413, "too_large", "why"};
      return attempt;
    }
    attempt.outcomes.resize(lines.size());
    for (Outcome& outcome : attempt.outcomes) outcome.fate = Fate::kDelivered;
    return attempt;
  }

 private:
  const size_t most_;
  std::vector<size_t>& sent_;
};

class DeliveryTest : public testing::Test {
 protected:
  Delivery make(size_t most_of_server, uint64_t most_records) {
    return {std::make_unique<Narrow>(most_of_server, sent_), most_records,
            Backoff{{}, [] { return 0.5; }}};
  }

  std::vector<size_t> sent_;
};

TEST_F(DeliveryTest, ALimitOfTheServerIsSeldomTriedAgain) {
  Delivery delivery = make(100, 1000);
  for (uint64_t i = 1; i <= 10'000; ++i) delivery.add(i, "{}");
  while (!delivery.is_done()) delivery.attempt();
  const auto in_vain = std::ranges::count_if(sent_, [](size_t lines) { return lines > 100; });
  EXPECT_LT(in_vain, std::ssize(sent_) / 5);
  EXPECT_LT(sent_.size(), 200U) << "they stay small";
}

}  // namespace
}  // namespace natledger
