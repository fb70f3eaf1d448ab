// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/housekeeping.h"

#include "base/error.h"
#include "base/log.h"

namespace natledger {

Housekeeping::Housekeeping(Ledger& ledger, std::function<void(const char*)> failed)
    : ledger_(ledger), failed_(std::move(failed)), thread_([this] { run(); }) {}

void Housekeeping::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  woken_.notify_one();
  thread_.join();
}

void Housekeeping::run() {
  LogThrottle throttle;
  const Duration period = ledger_.housekeeping_period();
  try {
    std::unique_lock lock{mutex_};
    while (!woken_.wait_for(lock, period, [this] { return stopping_; })) {
      const int refused = ledger_.housekeep(now());
      uint64_t suppressed = 0;
      if (refused != 0 && throttle.pass(now(), suppressed)) {
        log_error("sync the ledger: " + error_text(refused) +
                  "; lines of the last interval may not be on the disk (check it)");
      }
    }
  } catch (const SystemError& failure) {
    failed_(failure.what());
  }
}

}  // namespace natledger
