// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

#include "flow/live_flows.h"

namespace natledger {

// Calls `visit` with each flow that the ledger leaves open, as LiveFlows::restore() wants it, its
// receipt being when it was first seen. Returns the prefixes of the ids that Flow::first_epoch 1, 2
// ... mean. Throws SystemError when the ledger cannot be read.
std::vector<std::string> read_earlier_flows(const std::string& directory,
                                            const LiveFlows::FlowVisit& visit);

}  // namespace natledger
