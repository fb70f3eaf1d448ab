// SPDX-License-Identifier: GPL-2.0-or-later
// Who the process is, for messages that say who may not.
#pragma once

#include <string>

namespace natledger {

// The name of the effective user; its number where it has none.
std::string user_name();

}  // namespace natledger
