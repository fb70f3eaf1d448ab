// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/outputs.h"

#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <stop_token>
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

  // The attempt under way is left soon.
  void tell_to_stop() {
    const std::lock_guard lock{mutex_};
    stop_.request_stop();
    woken_.notify_one();
  }

 private:
  // Whether to stop; after `pause` at most.
  bool wait(Duration pause) {
    std::unique_lock lock{mutex_};
    return woken_.wait_for(lock, pause, [this] { return stop_.stop_requested(); });
  }

  void run() {
    ::pthread_setname_np(::pthread_self(), output_.options.name.substr(0, 15).c_str());
    do {
      try {
        ship_on();
        return;
      } catch (const SystemError& error) {
        uint64_t suppressed = 0;
        if (throttle_.pass(now(), suppressed)) {
          log_error("ship to " + output_.options.name + ": " + error.what());
        }
      }
    } while (!wait(kRest));
  }

  void ship_on() {
    const MakeDestination make = [this](const Past& past) {
      return output_.make(past, stop_.get_token());
    };
    Shipper shipper{ledger_, output_.options, make, dice()};
    log_info("shipping to " + output_.options.name + " from sequence " +
             std::to_string(shipper.cursor().next));
    while (!wait(shipper.step(now()))) {
    }
  }

  const LedgerOptions& ledger_;
  const Output& output_;
  std::mutex mutex_;
  std::condition_variable woken_;
  std::stop_source stop_;
  LogThrottle throttle_;
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
