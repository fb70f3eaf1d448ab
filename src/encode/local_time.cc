// SPDX-License-Identifier: GPL-2.0-or-later
#include "encode/local_time.h"

#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace natledger {

namespace {

tm local(int64_t unix_seconds) {
  const time_t seconds = unix_seconds;
  tm result{};
  ::localtime_r(&seconds, &result);
  return result;
}

}  // namespace

std::string_view LocalTime::iso(int64_t unix_seconds) {
  if (unix_seconds != iso_second_) {
    const tm t = local(unix_seconds);
    size_t bytes = std::strftime(iso_, sizeof iso_, "%Y-%m-%dT%H:%M:%S", &t);
    if (t.tm_gmtoff != 0) {
      // Hours lose their sign when they are 0; the minutes never had one.
      const long hours = t.tm_gmtoff / 3600;
      const long minutes = std::labs(t.tm_gmtoff) / 60 % 60;
      bytes += static_cast<size_t>(
          std::snprintf(iso_ + bytes, sizeof iso_ - bytes, "%+03ld%02ld", hours, minutes));
    }
    iso_bytes_ = static_cast<int>(bytes);
    iso_second_ = unix_seconds;
  }
  return {iso_, static_cast<size_t>(iso_bytes_)};
}

std::string_view LocalTime::ctime(int64_t unix_seconds) {
  if (unix_seconds != ctime_second_) {
    const tm t = local(unix_seconds);
    char text[32];
    ::asctime_r(&t, text);  // "Sat Nov 22 07:09:00 2026\n", in English whatever the locale
    std::snprintf(ctime_, sizeof ctime_, "%.15s", text + 4);
    ctime_second_ = unix_seconds;
  }
  return {ctime_, 15};
}

}  // namespace natledger
