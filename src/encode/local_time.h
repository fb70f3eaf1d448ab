// SPDX-License-Identifier: GPL-2.0-or-later
// Local wall-clock texts as ulogd2 prints them. They cost a microsecond: an encoder keeps that of
// the present second.
#pragma once

#include <cstdint>
#include <string>

namespace natledger {

// "2026-11-22T12:39:24+0530", quirks of ulogd2 2.0.7 to HEAD included: no offset where it is zero,
// and the sign lost between 0 and -1 h (UTC-0:30 prints +0030).
std::string local_iso_text(int64_t unix_seconds);

// "Nov  2 07:09:00", the front of ctime.
std::string local_ctime_text(int64_t unix_seconds);

}  // namespace natledger
