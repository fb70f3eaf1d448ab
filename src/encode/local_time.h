// SPDX-License-Identifier: GPL-2.0-or-later
// Local wall-clock texts as ulogd2 prints them, made once a second.
#pragma once

#include <cstdint>
#include <string_view>

namespace natledger {

class LocalTime {
 public:
  // "2026-11-22T12:39:24+0530", quirks of ulogd2 2.0.7 to HEAD included: no offset where it is
  // zero, and the sign lost between 0 and -1 h (UTC-0:30 prints +0030). Valid until the next call.
  std::string_view iso(int64_t unix_seconds);

  // "Nov  2 07:09:00", the front of ctime. Valid until the next call.
  std::string_view ctime(int64_t unix_seconds);

 private:
  int64_t iso_second_ = INT64_MIN;
  int64_t ctime_second_ = INT64_MIN;
  char iso_[32];
  char ctime_[32];
  int iso_bytes_ = 0;
};

}  // namespace natledger
