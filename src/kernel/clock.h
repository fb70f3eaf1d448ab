// SPDX-License-Identifier: GPL-2.0-or-later
// The machine's clocks: how they stand, whether they are right, and when somebody sets them.
#pragma once

#include "base/time.h"
#include "base/unique_fd.h"

namespace natledger {

// Both at one moment. They go at the same rate, also while a time server's client bends it; only
// setting the wall clock moves one against the other.
struct ClockReading {
  TimePoint realtime;   // CLOCK_REALTIME
  Duration boottime{};  // CLOCK_BOOTTIME, which nobody can set and a suspend does not stop
};
ClockReading read_clocks();

// What adjtimex(2) says of the wall clock.
struct ClockState {
  bool synchronised = false;
  Duration error{};  // estimated, by whoever synchronises it
};
ClockState read_clock_state();

// Tells when the wall clock is set, by whomever.
class ClockAlarm {
 public:
  // Throws SystemError.
  ClockAlarm();

  // For poll(); readable when the clock was set.
  int fd() const { return fd_.get(); }
  // Whether it was since the last call.
  bool was_set();

 private:
  void arm();

  UniqueFd fd_;
};

}  // namespace natledger
