// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/outputs.h"

#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "base/log.h"

namespace natledger {

namespace {

// Behind a failure of our own disk.
constexpr Duration kRest = std::chrono::seconds{5};

class Worker {
 public:
  Worker(const LedgerOptions& ledger, const Output& output)
      : ledger_(ledger), output_(output), thread_([this] { run(); }) {}
  ~Worker() {
    tell_to_stop();
    thread_.join();
  }

  // The attempt under way is made to its end.
  void tell_to_stop() {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
    woken_.notify_one();
  }

 private:
  // Whether to stop; after `pause` at most.
  bool wait(Duration pause) {
    std::unique_lock lock{mutex_};
    return woken_.wait_for(lock, pause, [this] { return stopping_; });
  }

  void run() {
    ::pthread_setname_np(::pthread_self(), output_.options.name.substr(0, 15).c_str());
    do {
      try {
        ship_on();
        return;
      } catch (const SystemError& error) {
        log_error("ship to " + output_.options.name + ": " + error.what());
      }
    } while (!wait(kRest));
  }

  void ship_on() {
    Shipper shipper{ledger_, output_.options, output_.make, dice()};
    log_info("shipping to " + output_.options.name + " from sequence " +
             std::to_string(shipper.cursor().next));
    while (!wait(shipper.step(now()))) {
    }
  }

  const LedgerOptions& ledger_;
  const Output& output_;
  std::mutex mutex_;
  std::condition_variable woken_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace

bool ship(const LedgerOptions& ledger, const std::vector<Output>& outputs) {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  std::deque<Worker> workers;
  for (const Output& output : outputs) workers.emplace_back(ledger, output);
  int signal = 0;
  check(sigwait(&signals, &signal) == 0, "sigwait refuses its signals");
  for (Worker& worker : workers) worker.tell_to_stop();
  return signal == SIGHUP;
}

}  // namespace natledger
