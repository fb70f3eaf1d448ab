// SPDX-License-Identifier: GPL-2.0-or-later
// What the main thread waits for: signals, and somebody who sets the clock.
#pragma once

#include <csignal>
#include <cstdint>

#include "base/unique_fd.h"
#include "kernel/clock.h"

namespace natledger {

enum class Wakeup : uint8_t { kStop, kReload, kClockSet };

class Wakeups {
 public:
  // `signals` are blocked in every thread. From here on no setting of the clock is missed. Throws
  // SystemError.
  explicit Wakeups(const sigset_t& signals);

  // Waits.
  Wakeup next();

 private:
  UniqueFd signals_;
  ClockAlarm clock_;
};

}  // namespace natledger
