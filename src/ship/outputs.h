// SPDX-License-Identifier: GPL-2.0-or-later
// Ships to every destination of the configuration, each on its own thread, until it is told to
// stop.
#pragma once

#include <vector>

#include "ship/destinations.h"

namespace natledger {

// Returns after SIGTERM, SIGINT or SIGHUP, the last attempts being done; whether it was SIGHUP:
// then somebody has changed the configuration, or rotated a file, and all is begun anew. Blocks
// these signals, so it is called before there are threads.
bool ship(const LedgerOptions& ledger, const std::vector<Output>& outputs);

}  // namespace natledger
