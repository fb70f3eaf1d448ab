// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the steps of the wall clock. Pure: it is told how the clocks stand and reads none itself.
#pragma once

#include <optional>

#include "kernel/clock.h"

namespace natledger {

struct ClockStep {
  Duration by;      // forward; negative: back
  TimePoint after;  // when it was noticed, by the new time

  // The same moment by the old time.
  TimePoint before() const { return after - by; }
};

class ClockWatch {
 public:
  explicit ClockWatch(const ClockReading& first) : offset_(offset_of(first)) {}

  // What the wall clock was set by since the last step that was told; nothing up to 100 ms, so that
  // small steps are told when they add up.
  std::optional<ClockStep> look(const ClockReading& present);

 private:
  static Duration offset_of(const ClockReading& reading) {
    return Duration{reading.realtime.ns} - reading.boottime;
  }

  Duration offset_;  // of the wall clock, against the time since boot
};

}  // namespace natledger
