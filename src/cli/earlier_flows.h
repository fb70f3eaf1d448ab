// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

#include "flow/live_flows.h"

namespace natledger {

// Calls `visit` with each flow that the ledger leaves open, as LiveFlows::restore() wants it, its
// receipt being when it was first seen. Adds the prefixes of the ids that Flow::first_epoch 1, 2
// ... mean to `id_prefixes`, which is empty, before a flow has one. Throws SystemError when the
// ledger cannot be read.
void read_earlier_flows(const std::string& directory, std::vector<std::string>& id_prefixes,
                        const LiveFlows::FlowVisit& visit);

}  // namespace natledger
