// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

namespace natledger {

inline constexpr const char* kVersion = NATLEDGER_VERSION;

}  // namespace natledger
