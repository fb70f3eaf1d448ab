// SPDX-License-Identifier: GPL-2.0-or-later
// Some subcommands are natledger-ship's: this program knows no network.
#pragma once

#include <string>
#include <vector>

namespace natledger {

// Goes on as natledger-ship, whose exit status is then ours. Throws SystemError where there is
// none.
[[noreturn]] int become_ship(std::vector<std::string> words);

}  // namespace natledger
