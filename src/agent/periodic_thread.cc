// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/periodic_thread.h"

#include <pthread.h>

#include <utility>

namespace natledger {

PeriodicThread::PeriodicThread(const char* name, Duration period, std::function<void()> work)
    : work_(std::move(work)), thread_([=, this] { run(name, period); }) {}

void PeriodicThread::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  woken_.notify_one();
  thread_.join();
}

void PeriodicThread::run(const char* name, Duration period) {
  ::pthread_setname_np(::pthread_self(), name);
  std::unique_lock lock{mutex_};
  while (!woken_.wait_for(lock, period, [this] { return stopping_.load(); })) {
    lock.unlock();
    work_();
    lock.lock();
  }
}

}  // namespace natledger
