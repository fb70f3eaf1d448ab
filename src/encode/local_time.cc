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

std::string local_iso_text(int64_t unix_seconds) {
  const tm t = local(unix_seconds);
  char text[32];
  size_t bytes = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &t);
  if (t.tm_gmtoff != 0) {
    // Hours lose their sign when they are 0; the minutes never had one.
    const long hours = t.tm_gmtoff / 3600;
    const long minutes = std::labs(t.tm_gmtoff) / 60 % 60;
    bytes += static_cast<size_t>(
        std::snprintf(text + bytes, sizeof text - bytes, "%+03ld%02ld", hours, minutes));
  }
  return {text, bytes};
}

std::string local_ctime_text(int64_t unix_seconds) {
  const tm t = local(unix_seconds);
  char text[32];
  ::asctime_r(&t, text);  // "Sat Nov 22 07:09:00 2026\n", in English whatever the locale
  return {text + 4, 15};
}

}  // namespace natledger
