// SPDX-License-Identifier: GPL-2.0-or-later
// Local times as ulogd2 2.0.8 was seen to print them, quirks included.
#include "encode/local_time.h"

#include <gtest/gtest.h>

#include "unit/time_zone.h"

namespace natledger {
namespace {

constexpr int64_t kWinter = 1795331340;  // 2026-11-22T07:09:00Z
constexpr int64_t kSummer = 1783235340;  // 2026-07-05T07:09:00Z

struct IsoCase {
  const char* zone;
  int64_t seconds;
  const char* text;
};

// POSIX zones count the other way round: "XXX-5:30" is 5:30 h east of Greenwich.
TEST(LocalTime, TheOffsetHasTheQuirksOfUlogd2) {
  const IsoCase cases[] = {
      {"UTC", kWinter, "2026-11-22T07:09:00"},  // no suffix where the offset is 0
      {"Europe/London", kWinter, "2026-11-22T07:09:00"},
      {"Europe/London", kSummer, "2026-07-05T08:09:00+0100"},
      {"Europe/Berlin", kWinter, "2026-11-22T08:09:00+0100"},
      {"Europe/Berlin", kSummer, "2026-07-05T09:09:00+0200"},
      {"Asia/Kolkata", kWinter, "2026-11-22T12:39:00+0530"},
      {"America/St_Johns", kWinter, "2026-11-22T03:39:00-0330"},
      {"Pacific/Chatham", kWinter, "2026-11-22T20:54:00+1345"},
      {"XXX0:30", kWinter, "2026-11-22T06:39:00+0030"},  // the sign is lost
      {"XXX-0:30", kWinter, "2026-11-22T07:39:00+0030"},
      {"XXX1", kWinter, "2026-11-22T06:09:00-0100"},
      {"XXX12", kWinter, "2026-11-21T19:09:00-1200"},
      {"XXX-14", kWinter, "2026-11-22T21:09:00+1400"},
      {"UTC", 0, "1970-01-01T00:00:00"},
      {"UTC", -1, "1969-12-31T23:59:59"},
      {"UTC", 951782400, "2000-02-29T00:00:00"},
  };
  for (const IsoCase& c : cases) {
    const TimeZone zone{c.zone};
    EXPECT_EQ(local_iso_text(c.seconds), c.text) << c.zone;
  }
}

TEST(LocalTime, TheClockMayChangeWithinOneRun) {
  const TimeZone zone{"Europe/London"};
  EXPECT_EQ(local_iso_text(kWinter), "2026-11-22T07:09:00");
  EXPECT_EQ(local_iso_text(kSummer), "2026-07-05T08:09:00+0100");
  EXPECT_EQ(local_iso_text(kWinter), "2026-11-22T07:09:00");
  // The hour that London has twice: 2026-10-25T01:30 summer time, then winter time.
  EXPECT_EQ(local_iso_text(1792888200), "2026-10-25T01:30:00+0100");
  EXPECT_EQ(local_iso_text(1792891800), "2026-10-25T01:30:00");
}

struct CtimeCase {
  const char* zone;
  int64_t seconds;
  const char* text;
};

TEST(LocalTime, CtimePadsTheDayWithABlank) {
  const CtimeCase cases[] = {
      {"UTC", kWinter, "Nov 22 07:09:00"},
      {"UTC", kSummer, "Jul  5 07:09:00"},
      {"Asia/Kolkata", kWinter, "Nov 22 12:39:00"},
      {"America/St_Johns", kWinter, "Nov 22 03:39:00"},
      {"UTC", 0, "Jan  1 00:00:00"},
      {"UTC", 951782400, "Feb 29 00:00:00"},
  };
  for (const CtimeCase& c : cases) {
    const TimeZone zone{c.zone};
    EXPECT_EQ(local_ctime_text(c.seconds), c.text) << c.zone;
  }
}

}  // namespace
}  // namespace natledger
