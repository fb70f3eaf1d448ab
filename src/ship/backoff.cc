// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/backoff.h"

#include <algorithm>
#include <random>
#include <utility>

namespace natledger {

namespace {
constexpr uint64_t kMostDoublings = 30;
}

std::function<double()> dice() {
  return [engine = std::mt19937_64{std::random_device{}()}]() mutable {
    return std::uniform_real_distribution<double>{0, 1}(engine);
  };
}

Backoff::Backoff(BackoffOptions options, std::function<double()> random)
    : options_(options), random_(std::move(random)) {}

Duration Backoff::next() {
  const uint64_t doublings = std::min(failures_++, kMostDoublings);
  const auto most = static_cast<double>(options_.max.count());
  const auto limit = std::min(most, static_cast<double>(options_.init.count()) *
                                        static_cast<double>(uint64_t{1} << doublings));
  return Duration{static_cast<int64_t>(limit * random_())};
}

}  // namespace natledger
