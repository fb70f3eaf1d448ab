// SPDX-License-Identifier: GPL-2.0-or-later
// How long flows lasted, as the Logstash filters of ulogd2's users say it and as ECS does.
#include <gtest/gtest.h>

#include "base/error.h"
#include "enrich/enrichers.h"
#include "flow/fields.h"

namespace natledger {
namespace {

struct Lasted {
  std::optional<int64_t> seconds;      // flow.duration.sec
  std::optional<int64_t> nanoseconds;  // event.duration

  bool operator==(const Lasted&) const = default;
};
void PrintTo(const Lasted& lasted, std::ostream* out) {
  *out << lasted.seconds.value_or(-999) << " s, " << lasted.nanoseconds.value_or(-999) << " ns";
}

Lasted lasted(TimePoint start, TimePoint end) {
  Flow flow;
  flow.start = start;
  flow.end = end;
  find_enricher("duration")->make(nullptr)->enrich(flow);
  Lasted found;
  for (size_t i = 0; i < flow.annotations.size(); ++i) {
    const Annotation& annotation = flow.annotations[i];
    const auto value = std::get<int64_t>(annotation.value);
    if (annotation.field->name == "flow.duration.sec") {
      EXPECT_FALSE(found.seconds) << "told once";
      found.seconds = value;
    } else {
      EXPECT_EQ(annotation.field->name, "event.duration");
      EXPECT_FALSE(found.nanoseconds) << "told once";
      found.nanoseconds = value;
    }
  }
  return found;
}

constexpr int64_t kStart = 1795331340 * kNsPerSecond;

struct DurationCase {
  const char* what;
  int64_t start;
  int64_t end;
  Lasted lasted;
};

TEST(FlowDuration, TheDifferenceOfWholeSecondsAndOfInstants) {
  constexpr int64_t kHalf = kNsPerSecond / 2;
  const DurationCase cases[] = {
      {"ten seconds", kStart, kStart + 10 * kNsPerSecond, {10, 10'000'000'000}},
      {"no time at all", kStart, kStart, {0, 0}},
      {"one nanosecond", kStart, kStart + 1, {0, 1}},
      // flow.end.sec - flow.start.sec: of the keys, not of the instants.
      {"0.2 s across a second", kStart - 100'000'000, kStart + 100'000'000, {1, 200'000'000}},
      {"0.9 s within one", kStart, kStart + 900'000'000, {0, 900'000'000}},
      {"1.9 s", kStart + kHalf, kStart + 2'400'000'000, {2, 1'900'000'000}},
      {"a year", kStart, kStart + 31536000 * kNsPerSecond, {31536000, 31536000 * kNsPerSecond}},
      {"before 1970", -kHalf, kHalf, {1, kNsPerSecond}},
  };
  for (const DurationCase& c : cases) EXPECT_EQ(lasted({c.start}, {c.end}), c.lasted) << c.what;
}

TEST(FlowDuration, AnUnknownInstantGivesNoneAndNeverZero) {
  EXPECT_EQ(lasted({}, {kStart}), (Lasted{}));
  EXPECT_EQ(lasted({kStart}, {}), (Lasted{})) << "a start, or an update";
  EXPECT_EQ(lasted({}, {}), (Lasted{}));
}

TEST(FlowDuration, AClockThatWentBackLeavesOnlyWhatUlogdsFiltersWouldSay) {
  EXPECT_EQ(lasted({kStart}, {kStart - 1}), (Lasted{-1, {}}));
  EXPECT_EQ(lasted({kStart + 999'999'999}, {kStart}), (Lasted{0, {}}));
  EXPECT_EQ(lasted({kStart}, {kStart - 3600 * kNsPerSecond}), (Lasted{-3600, {}}));
}

TEST(FlowDuration, InstantsFromOutsideNeverOverflow) {
  constexpr int64_t kSeconds = 9223372036;  // of INT64_MAX, rounded down
  EXPECT_EQ(lasted({INT64_MIN}, {INT64_MAX}), (Lasted{2 * kSeconds + 1, INT64_MAX}));
  EXPECT_EQ(lasted({INT64_MAX}, {INT64_MIN}), (Lasted{-2 * kSeconds - 1, {}}));
  EXPECT_EQ(lasted({1}, {INT64_MAX}), (Lasted{kSeconds, INT64_MAX - 1}));
}

TEST(FlowDuration, TakesNoOptions) {
  const ConfigNode root = parse_config_text("enrich:\n  duration: {in: ms}\n", "natledger.yaml");
  try {
    find_enricher("duration")->make(root.find("enrich")->find("duration"));
    FAIL() << "no error";
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(), "natledger.yaml:2: enrich.duration: takes no options");
  }
}

}  // namespace
}  // namespace natledger
