// SPDX-License-Identifier: GPL-2.0-or-later
// Steps of a clock that the test sets itself.
#include "agent/clock_watch.h"

#include <gtest/gtest.h>

namespace natledger {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

// A machine that booted at some time of its wall clock.
class Machine {
 public:
  ClockReading read() const { return {realtime_, boottime_}; }
  void pass(Duration time) {
    realtime_ = realtime_ + time;
    boottime_ += time;
  }
  void set_by(Duration by) { realtime_ = realtime_ + by; }

 private:
  TimePoint realtime_{1795331340 * kNsPerSecond};
  Duration boottime_ = seconds{7};
};

struct StepCase {
  const char* what;
  Duration set_by;
  bool told;
};

TEST(ClockWatch, AStepOfMoreThanATenthOfASecondIsTold) {
  const StepCase cases[] = {
      {"an hour forward", hours{1}, true},
      {"an hour back", -hours{1}, true},
      {"a leap second", -seconds{1}, true},
      {"just enough", milliseconds{100} + Duration{1}, true},
      {"just enough, back", -milliseconds{100} - Duration{1}, true},
      {"the limit itself", milliseconds{100}, false},
      {"the limit itself, back", -milliseconds{100}, false},
      {"nothing", Duration{}, false},
      {"since 1970", Duration{-1795331340 * kNsPerSecond}, true},
  };
  for (const StepCase& c : cases) {
    Machine machine;
    ClockWatch watch{machine.read()};
    machine.pass(seconds{100});
    const TimePoint before = machine.read().realtime;
    machine.set_by(c.set_by);
    const auto step = watch.look(machine.read());
    ASSERT_EQ(step.has_value(), c.told) << c.what;
    if (!c.told) continue;
    EXPECT_EQ(step->by, c.set_by) << c.what;
    EXPECT_EQ(step->after, machine.read().realtime) << c.what;
    EXPECT_EQ(step->before(), before) << c.what;
    machine.pass(hours{5});
    EXPECT_FALSE(watch.look(machine.read())) << c.what << ": told once";
  }
}

TEST(ClockWatch, TimeThatPassesIsNoStepHoweverLong) {
  Machine machine;
  ClockWatch watch{machine.read()};
  for (int i = 0; i < 100; ++i) {
    machine.pass(hours{24});
    EXPECT_FALSE(watch.look(machine.read()));
  }
}

TEST(ClockWatch, SmallStepsAreToldWhenTheyAddUp) {
  Machine machine;
  ClockWatch watch{machine.read()};
  std::vector<Duration> told;
  for (int i = 0; i < 5; ++i) {
    machine.pass(seconds{60});
    machine.set_by(milliseconds{40});
    if (const auto step = watch.look(machine.read())) told.push_back(step->by);
  }
  EXPECT_EQ(told, (std::vector<Duration>{milliseconds{120}}));
}

TEST(ClockWatch, ThereAndBackIsToldTwice) {
  Machine machine;
  ClockWatch watch{machine.read()};
  machine.set_by(hours{1});
  EXPECT_EQ(watch.look(machine.read())->by, hours{1});
  machine.pass(seconds{1});
  machine.set_by(-hours{1});
  EXPECT_EQ(watch.look(machine.read())->by, -hours{1});
}

TEST(ClockWatch, TheMachinesOwnClocksDoNotStepBetweenTwoLooks) {
  ClockWatch watch{read_clocks()};
  EXPECT_FALSE(watch.look(read_clocks()));
}

}  // namespace
}  // namespace natledger
