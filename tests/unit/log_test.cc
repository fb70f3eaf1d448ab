// SPDX-License-Identifier: GPL-2.0-or-later
// How often a message of a kind is let through, and the level that a reload changes.
#include "base/log.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "unit/test_support.h"

namespace natledger {
namespace {

using std::chrono::seconds;

TEST(LogThrottle, LetsOneThroughEveryTenSecondsAndCountsTheOthers) {
  LogThrottle throttle;
  TimePoint clock{1795331340 * kNsPerSecond};
  uint64_t suppressed = 0;
  EXPECT_TRUE(throttle.pass(clock, suppressed));
  EXPECT_EQ(suppressed, 0U);
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(throttle.pass(clock + seconds{9}, suppressed));
  EXPECT_TRUE(throttle.pass(clock + seconds{10}, suppressed));
  EXPECT_EQ(suppressed, 5U);
}

TEST(LogThrottle, AClockThatIsSetBackDoesNotSilenceIt) {
  LogThrottle throttle;
  TimePoint clock{1795331340 * kNsPerSecond};
  uint64_t suppressed = 0;
  EXPECT_TRUE(throttle.pass(clock, suppressed));
  EXPECT_TRUE(throttle.pass(clock - seconds{3600}, suppressed));
  EXPECT_FALSE(throttle.pass(clock - seconds{3599}, suppressed));
}

TEST(Log, ItsLevelChangesWhileItIsWritten) {
  const TempDir dir;
  open_log({.level = "warning", .to = dir / "log"});
  log_info("one");
  set_log_level("info");
  log_info("two");
  set_log_level("warning");
  log_info("three");
  log_warning("four");
  open_log({});
  const std::string text = read_file(dir / "log").value_or("");
  std::vector<bool> said;
  for (const char* word : {"one", "two", "three", "four"}) {
    said.push_back(text.find(word) != std::string::npos);
  }
  EXPECT_EQ(said, (std::vector<bool>{false, true, false, true}));
}

}  // namespace
}  // namespace natledger
