// SPDX-License-Identifier: GPL-2.0-or-later
// How long to wait before trying again.
#pragma once

#include <cstdint>
#include <functional>

#include "base/time.h"

namespace natledger {

struct BackoffOptions {
  Duration init = std::chrono::seconds{1};
  Duration max = std::chrono::seconds{60};
};

// Gives numbers in [0, 1), others in each process.
std::function<double()> dice();

// Full jitter: anywhere between nothing and a limit that doubles with each failure, so that many
// gateways do not come back in step (Marc Brooker, "Exponential Backoff And Jitter", 2015).
class Backoff {
 public:
  // `random` gives a number in [0, 1).
  Backoff(BackoffOptions options, std::function<double()> random);

  Duration next();
  void reset() { failures_ = 0; }

 private:
  const BackoffOptions options_;
  const std::function<double()> random_;
  uint64_t failures_ = 0;
};

}  // namespace natledger
