// SPDX-License-Identifier: GPL-2.0-or-later
// Dates are computed, not asked of libc: gmtime costs more than the whole rest of a record.
#include "base/time.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <ctime>

#include "base/text.h"

namespace natledger {

namespace {

constexpr int64_t kSecondsPerDay = 86'400;

int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

struct Date {
  unsigned year, month, day;
};

// The proleptic Gregorian calendar, by std::chrono.
Date date_of(int64_t days_since_1970) {
  const std::chrono::year_month_day ymd{
      std::chrono::sys_days{std::chrono::days{static_cast<int>(days_since_1970)}}};
  return {static_cast<unsigned>(static_cast<int>(ymd.year())), static_cast<unsigned>(ymd.month()),
          static_cast<unsigned>(ymd.day())};
}

// Reads `count` digits at the front of `text` and removes them.
std::optional<int> take_digits(std::string_view& text, size_t count) {
  if (text.size() < count) return {};
  int value = 0;
  for (size_t i = 0; i < count; ++i) {
    if (text[i] < '0' || text[i] > '9') return {};
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return value;
}

bool take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<int64_t> take_date(std::string_view& text) {
  const auto year = take_digits(text, 4);
  if (!year || !take(text, "-")) return {};
  const auto month = take_digits(text, 2);
  if (!month || !take(text, "-")) return {};
  const auto day = take_digits(text, 2);
  if (!day) return {};
  const std::chrono::year_month_day ymd{std::chrono::year{*year},
                                        std::chrono::month{static_cast<unsigned>(*month)},
                                        std::chrono::day{static_cast<unsigned>(*day)}};
  if (!ymd.ok()) return {};
  return std::chrono::sys_days{ymd}.time_since_epoch().count() * kSecondsPerDay;
}

std::optional<int64_t> take_time_of_day(std::string_view& text) {
  const auto hour = take_digits(text, 2);
  if (!hour || *hour > 23 || !take(text, ":")) return {};
  const auto minute = take_digits(text, 2);
  if (!minute || *minute > 59 || !take(text, ":")) return {};
  const auto second = take_digits(text, 2);
  if (!second || *second > 60) return {};  // 60: a leap second, the next minute's first
  return *hour * 3600 + *minute * 60 + *second;
}

std::optional<int64_t> take_fraction_ns(std::string_view& text) {
  if (!take(text, ".,")) return 0;
  int64_t ns = 0;
  int digits = 0;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    if (++digits > 9) return {};
    ns = ns * 10 + (text.front() - '0');
    text.remove_prefix(1);
  }
  if (digits == 0) return {};
  for (; digits < 9; ++digits) ns *= 10;
  return ns;
}

std::optional<int64_t> take_offset(std::string_view& text) {
  if (take(text, "Zz")) return 0;
  const bool west = !text.empty() && text.front() == '-';
  if (!take(text, "+-")) return {};
  const auto hours = take_digits(text, 2);
  if (!hours || *hours > 23) return {};
  take(text, ":");
  const auto minutes = take_digits(text, 2);
  if (!minutes || *minutes > 59) return {};
  const int64_t seconds = *hours * 3600 + *minutes * 60;
  return west ? -seconds : seconds;
}

struct Unit {
  std::string_view name;
  int64_t ns;
};
constexpr std::array kUnits{
    Unit{"d", kSecondsPerDay* kNsPerSecond},
    Unit{"h", 3600 * kNsPerSecond},
    Unit{"m", 60 * kNsPerSecond},
    Unit{"s", kNsPerSecond},
    Unit{"ms", 1'000'000},
};

}  // namespace

TimePoint now() {
  timespec ts{};
  ::clock_gettime(CLOCK_REALTIME, &ts);
  return {ts.tv_sec * kNsPerSecond + ts.tv_nsec};
}

char* append_utc(char* out, TimePoint t) {
  constexpr int64_t kNsPerDay = kSecondsPerDay * kNsPerSecond;
  // Nearly every instant of a run is of the same day.
  thread_local int64_t cached_day = INT64_MIN;
  thread_local uint64_t day_start_ns;
  thread_local char cached_date[11];
  uint64_t in_day = static_cast<uint64_t>(t.ns) - day_start_ns;
  // The last day of the range would go on with the first: hence the signs.
  if (cached_day == INT64_MIN || in_day >= uint64_t{kNsPerDay} || (t.ns < 0) != (cached_day < 0)) {
    const int64_t day = floor_div(t.ns, kNsPerDay);
    const Date date = date_of(day);
    char* at = append_two(cached_date, date.year / 100);
    at = append_two(at, date.year % 100);
    *at++ = '-';
    at = append_two(at, date.month);
    *at++ = '-';
    at = append_two(at, date.day);
    *at = 'T';
    cached_day = day;
    day_start_ns = static_cast<uint64_t>(day) * uint64_t{kNsPerDay};
    in_day = static_cast<uint64_t>(t.ns) - day_start_ns;
  }
  const auto second = static_cast<uint32_t>(in_day / kNsPerSecond);
  const auto us = static_cast<uint32_t>(in_day % kNsPerSecond / kNsPerMicrosecond);
  std::memcpy(out, cached_date, sizeof cached_date);
  // Eight digits whose first two are zeros: their places are written over.
  append_eight(out + 18, us);
  // As a number, "HH0MM0SS"; a zero and 10 make a colon.
  const uint32_t clock = second / 3600 * 1'000'000 + second / 60 % 60 * 1'000 + second % 60;
  const uint64_t colons = eight_digits(clock) + kEightZeros + 0x0000'0a00'000a'0000;
  store_text(out + 11, colons);
  out[19] = '.';
  out[26] = 'Z';
  return out + kUtcTextBytes;
}

std::string utc_text(TimePoint t) {
  char text[kUtcTextBytes];
  return {text, append_utc(text, t)};
}

std::optional<TimePoint> parse_rfc3339(std::string_view text) {
  const auto date = take_date(text);
  if (!date || !take(text, "Tt ")) return {};
  const auto time = take_time_of_day(text);
  if (!time) return {};
  const auto fraction = take_fraction_ns(text);
  if (!fraction) return {};
  const auto offset = take_offset(text);
  if (!offset || !text.empty()) return {};
  __extension__ using Wide = __int128;
  const Wide ns = Wide{*date + *time - *offset} * kNsPerSecond + *fraction;
  // The text of the first instant is rounded down to a microsecond that is no instant any more.
  if (ns > INT64_MAX || ns <= Wide{INT64_MIN} - kNsPerMicrosecond) return {};
  return TimePoint{static_cast<int64_t>(std::max<Wide>(ns, INT64_MIN))};
}

std::optional<Duration> parse_duration(std::string_view text) {
  int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || count < 0) return {};
  const std::string_view unit{end, static_cast<size_t>(text.data() + text.size() - end)};
  if (unit.empty() && count == 0) return Duration{0};
  for (const Unit& known : kUnits) {
    if (unit != known.name) continue;
    if (count > INT64_MAX / known.ns) return {};
    return Duration{count * known.ns};
  }
  return {};
}

std::string duration_text(Duration duration) {
  if (duration == Duration::zero()) return "0";
  for (const Unit& unit : kUnits) {
    if (duration.count() % unit.ns == 0) {
      return std::to_string(duration.count() / unit.ns) + std::string{unit.name};
    }
  }
  return std::to_string(duration.count() / kUnits.back().ns) + std::string{kUnits.back().name};
}

}  // namespace natledger
