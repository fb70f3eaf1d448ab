// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/time.h"

#include <gtest/gtest.h>

namespace natledger {
namespace {

TEST(Time, UtcTextHasMicrosecondsRoundedDown) {
  EXPECT_EQ(utc_text({1795331340431574999}), "2026-11-22T07:09:00.431574Z");
  EXPECT_EQ(utc_text({0}), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(utc_text({-1}), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(utc_text({951782400 * kNsPerSecond}), "2000-02-29T00:00:00.000000Z");
  EXPECT_EQ(utc_text({INT64_MAX}), "2262-04-11T23:47:16.854775Z");
  EXPECT_EQ(utc_text({INT64_MIN}), "1677-09-21T00:12:43.145224Z");
  // What is written reads back, and nothing beyond it.
  EXPECT_EQ(parse_rfc3339("2262-04-11T23:47:16.854775Z")->ns / 1000, INT64_MAX / 1000);
  EXPECT_EQ(parse_rfc3339("1677-09-21T00:12:43.145224Z")->ns, INT64_MIN);
  EXPECT_FALSE(parse_rfc3339("2262-04-11T23:47:16.854776Z"));
  EXPECT_FALSE(parse_rfc3339("1677-09-21T00:12:43.145223Z"));
}

TEST(Time, ParsesWhatItWrites) {
  for (const int64_t ns : {int64_t{1795331340431574000}, int64_t{1}, int64_t{-86400000000000}}) {
    const TimePoint t{ns / 1000 * 1000};
    EXPECT_EQ(parse_rfc3339(utc_text(t)), t);
  }
}

struct Rfc3339Case {
  const char* text;
  std::optional<int64_t> ns;
};

class Rfc3339 : public testing::TestWithParam<Rfc3339Case> {};

TEST_P(Rfc3339, Parses) {
  const auto parsed = parse_rfc3339(GetParam().text);
  ASSERT_EQ(parsed.has_value(), GetParam().ns.has_value()) << GetParam().text;
  if (parsed) {
    EXPECT_EQ(parsed->ns, *GetParam().ns) << GetParam().text;
  }
}

constexpr int64_t kArticle = 1393072024 * kNsPerSecond;  // 2014-02-22T12:27:04Z

INSTANTIATE_TEST_SUITE_P(
    Texts, Rfc3339,
    testing::Values(
        Rfc3339Case{"2014-02-22T12:27:04Z", kArticle},
        Rfc3339Case{"2014-02-22t12:27:04z", kArticle},
        Rfc3339Case{"2014-02-22 12:27:04Z", kArticle},
        Rfc3339Case{"2014-02-22T13:27:04+01:00", kArticle},
        Rfc3339Case{"2014-02-22T13:27:04+0100", kArticle},
        Rfc3339Case{"2014-02-22T08:57:04-03:30", kArticle},
        Rfc3339Case{"2014-02-22T12:27:04.5Z", kArticle + 500'000'000},
        Rfc3339Case{"2014-02-22T12:27:04.123456789Z", kArticle + 123'456'789},
        Rfc3339Case{"2014-02-22T12:27:04", {}}, Rfc3339Case{"2014-02-22", {}},
        Rfc3339Case{"2014-02-30T12:27:04Z", {}}, Rfc3339Case{"2014-13-01T12:27:04Z", {}},
        Rfc3339Case{"2014-02-22T24:00:00Z", {}}, Rfc3339Case{"2014-02-22T12:60:04Z", {}},
        Rfc3339Case{"2014-02-22T12:27:04.Z", {}},
        Rfc3339Case{"2014-02-22T12:27:04.1234567890Z", {}},
        Rfc3339Case{"2014-02-22T12:27:04Zx", {}}, Rfc3339Case{"9999-01-01T00:00:00Z", {}},
        Rfc3339Case{"0001-01-01T00:00:00Z", {}}, Rfc3339Case{"", {}}));

TEST(Time, Durations) {
  using namespace std::chrono_literals;
  EXPECT_EQ(parse_duration("250ms"), Duration{250ms});
  EXPECT_EQ(parse_duration("1s"), Duration{1s});
  EXPECT_EQ(parse_duration("15m"), Duration{15min});
  EXPECT_EQ(parse_duration("24h"), Duration{24h});
  EXPECT_EQ(parse_duration("180d"), Duration{180 * 24h});
  EXPECT_EQ(parse_duration("0"), Duration{0});
  for (const char* bad : {"", "s", "1", "1 s", "-1s", "1.5s", "1w", "1S", "99999999999999d"}) {
    EXPECT_FALSE(parse_duration(bad)) << bad;
  }
}

TEST(Time, DurationsAreWrittenInTheGreatestUnit) {
  for (const char* text : {"0", "250ms", "1s", "90s", "15m", "36h", "180d"}) {
    EXPECT_EQ(duration_text(*parse_duration(text)), text);
  }
  EXPECT_EQ(duration_text(*parse_duration("48h")), "2d");
}

}  // namespace
}  // namespace natledger
