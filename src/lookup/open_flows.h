// SPDX-License-Identifier: GPL-2.0-or-later
// The flows that a ledger leaves open: those that the newest table beside it lists, as the lines
// behind it change them; all lines where there is no table.
#pragma once

#include <functional>
#include <string>

#include "lookup/record.h"

namespace natledger {

// Calls `visit` with the latest record of each. A flow whose record cannot be read is passed over.
// Throws SystemError when the ledger cannot be read.
void visit_open_flows(const std::string& directory,
                      const std::function<void(const FlowDetails&)>& visit);

}  // namespace natledger
