// SPDX-License-Identifier: GPL-2.0-or-later
// A thread that does something every so often, until it is stopped.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "base/time.h"

namespace natledger {

class PeriodicThread {
 public:
  // Starts it; the first time is one period from now. `name`, of up to 15 bytes, is what top(1) and
  // the bench call it.
  PeriodicThread(const char* name, Duration period, std::function<void()> work);
  ~PeriodicThread() { stop(); }

  // Returns when the work that may be under way is done.
  void stop();
  // For work that takes long.
  bool stopping() const { return stopping_; }

 private:
  void run(const char* name, Duration period);

  const std::function<void()> work_;
  std::mutex mutex_;
  std::condition_variable woken_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace natledger
