// SPDX-License-Identifier: GPL-2.0-or-later
// Who natledger-ship is, and whom it does not outlive.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "ledger/ledger.h"

namespace natledger {

// Gives up root for `user`, who is let read the ledger, by its group, and write cursors and dead
// letters. Stays who it is where it is not root, or where there is no such user. Before there are
// threads. Throws SystemError.
void run_as(const std::string& user, const LedgerOptions& ledger);

// Those of `files` that whoever it is now may not read; empty names are none.
std::vector<std::string> unreadable(const std::vector<std::string>& files);

// Has the kernel send SIGTERM when `parent` ends. False when it has ended already.
bool end_with(pid_t parent);

}  // namespace natledger
