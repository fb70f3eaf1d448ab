// SPDX-License-Identifier: GPL-2.0-or-later
// Instants as nanoseconds of Unix time, and the two ways this program writes them.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace natledger {

using Duration = std::chrono::nanoseconds;

inline constexpr int64_t kNsPerSecond = 1'000'000'000;
inline constexpr int64_t kNsPerMicrosecond = 1'000;

// An instant of CLOCK_REALTIME. The zero instant means "not known": no flow began in 1970.
struct TimePoint {
  int64_t ns = 0;

  constexpr bool known() const { return ns != 0; }
  // Whole seconds and the microseconds after them, rounded down, as ulogd2 prints them.
  int64_t seconds() const { return ns / kNsPerSecond - (ns % kNsPerSecond < 0 ? 1 : 0); }
  int64_t microseconds() const {
    const int64_t rest = ns % kNsPerSecond;
    return (rest < 0 ? rest + kNsPerSecond : rest) / kNsPerMicrosecond;
  }
  auto operator<=>(const TimePoint&) const = default;
};

// Instants come from outside too, so arithmetic stops at the ends of the range.
inline TimePoint operator+(TimePoint t, Duration d) {
  int64_t ns = 0;
  if (!__builtin_add_overflow(t.ns, d.count(), &ns)) return {ns};
  return {d.count() > 0 ? INT64_MAX : INT64_MIN};
}
inline TimePoint operator-(TimePoint t, Duration d) {
  int64_t ns = 0;
  if (!__builtin_sub_overflow(t.ns, d.count(), &ns)) return {ns};
  return {d.count() < 0 ? INT64_MAX : INT64_MIN};
}
inline Duration operator-(TimePoint a, TimePoint b) {
  int64_t ns = 0;
  if (!__builtin_sub_overflow(a.ns, b.ns, &ns)) return Duration{ns};
  return Duration{a > b ? INT64_MAX : INT64_MIN};
}

// The clock of records. Reads CLOCK_REALTIME.
TimePoint now();

// "2026-11-22T07:09:00.431574Z": 27 characters at `out`, which must have room. Returns their end.
inline constexpr int kUtcTextBytes = 27;
char* append_utc(char* out, TimePoint t);
std::string utc_text(TimePoint t);

// Reads RFC 3339 with `T` or a blank, a fraction of up to nine digits, and `Z` or a numeric offset,
// which is mandatory: an instant without one names 27 different moments. Nothing if malformed, or
// out of the range of TimePoint.
std::optional<TimePoint> parse_rfc3339(std::string_view text);

// "250ms", "1s", "15m", "24h", "180d": a whole number and a unit. Nothing if malformed.
std::optional<Duration> parse_duration(std::string_view text);
// The same back, in the greatest unit that gives a whole number; "0" for none.
std::string duration_text(Duration duration);

}  // namespace natledger
