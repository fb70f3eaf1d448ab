// SPDX-License-Identifier: GPL-2.0-or-later
// What the kernel's connection tracking does that more than one part has to reckon with.
#pragma once

#include "base/time.h"

namespace natledger {

// An entry that has run out is reaped, and its end told, so much later at most
// (GC_SCAN_INTERVAL_MAX, Linux 5.15 to 6.18). Kernel timestamps date the end back to when it ran
// out.
inline constexpr Duration kReaping = std::chrono::seconds{60};

}  // namespace natledger
