// SPDX-License-Identifier: GPL-2.0-or-later
// The thread that does what the pipeline must not wait for: syncing, reserving numbers.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "ledger/ledger.h"

namespace natledger {

class Housekeeping {
 public:
  // Starts the thread. `ledger` outlives it; `failed` is called, on that thread, when it cannot go
  // on.
  Housekeeping(Ledger& ledger, std::function<void(const char*)> failed);
  ~Housekeeping() { stop(); }

  void stop();

 private:
  void run();

  Ledger& ledger_;
  std::function<void(const char*)> failed_;
  std::mutex mutex_;
  std::condition_variable woken_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace natledger
