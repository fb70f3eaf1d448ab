// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/orders.h"

#include <utility>

namespace natledger {

void Orders::reconfigure(Reconfiguration reconfiguration) {
  const std::lock_guard lock{mutex_};
  reconfiguration_ = std::move(reconfiguration);
  any_ = true;
}

void Orders::tell_step(uint64_t epoch, const ClockStep& step) {
  const std::lock_guard lock{mutex_};
  steps_.push_back({epoch, step});
  any_ = true;
}

std::optional<Reconfiguration> Orders::take_reconfiguration(uint64_t epoch) {
  if (!any_) return {};
  const std::lock_guard lock{mutex_};
  if (!reconfiguration_ || reconfiguration_->epoch > epoch) return {};
  std::optional<Reconfiguration> taken = std::exchange(reconfiguration_, std::nullopt);
  any_ = !steps_.empty();
  return taken;
}

std::vector<ClockStep> Orders::take_steps(uint64_t epoch) {
  if (!any_) return {};
  const std::lock_guard lock{mutex_};
  std::vector<ClockStep> taken;
  while (!steps_.empty() && steps_.front().epoch <= epoch) {
    taken.push_back(steps_.front().step);
    steps_.pop_front();
  }
  any_ = reconfiguration_.has_value() || !steps_.empty();
  return taken;
}

}  // namespace natledger
