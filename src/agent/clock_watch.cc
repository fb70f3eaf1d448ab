// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/clock_watch.h"

namespace natledger {

namespace {
constexpr Duration kLeastStep = std::chrono::milliseconds{100};
}

std::optional<ClockStep> ClockWatch::look(const ClockReading& present) {
  const Duration by = offset_of(present) - offset_;
  if (by >= -kLeastStep && by <= kLeastStep) return {};
  offset_ += by;
  return ClockStep{by, present.realtime};
}

}  // namespace natledger
