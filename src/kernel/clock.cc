// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/clock.h"

#include <sys/timerfd.h>
#include <sys/timex.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "base/error.h"

namespace natledger {

namespace {

constexpr Duration kSurelyTogether = std::chrono::milliseconds{1};
constexpr int kMostReadings = 10;

Duration read_clock(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return std::chrono::seconds{time.tv_sec} + Duration{time.tv_nsec};
}

}  // namespace

// Where the thread was interrupted between two clocks, again.
ClockReading read_clocks() {
  ClockReading reading;
  for (int i = 0; i < kMostReadings; ++i) {
    const Duration before = read_clock(CLOCK_BOOTTIME);
    reading.realtime = now();
    reading.boottime = read_clock(CLOCK_BOOTTIME);
    if (reading.boottime - before < kSurelyTogether) break;
  }
  return reading;
}

ClockState read_clock_state() {
  timex state{};
  if (::adjtimex(&state) < 0) return {};
  return {(state.status & STA_UNSYNC) == 0, std::chrono::microseconds{state.esterror}};
}

ClockAlarm::ClockAlarm()
    : fd_(check_call("make timerfd",
                     ::timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK))) {
  arm();
}

// For an instant that never comes: only the cancelling is wanted.
void ClockAlarm::arm() {
  itimerspec never{};
  never.it_value.tv_sec = INT64_MAX / kNsPerSecond;
  check_call(
      "watch the clock",
      ::timerfd_settime(fd_.get(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, nullptr));
}

bool ClockAlarm::was_set() {
  uint64_t expirations = 0;
  if (::read(fd_.get(), &expirations, sizeof expirations) >= 0) return false;
  if (errno != ECANCELED) return false;
  arm();
  return true;
}

}  // namespace natledger
