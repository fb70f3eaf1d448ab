// SPDX-License-Identifier: GPL-2.0-or-later
// The kernel's table as flows, completed as records want them.
#pragma once

#include <cstdint>
#include <functional>

#include "flow/flow.h"
#include "kernel/conntrack_table.h"
#include "ledger/record_sink.h"

namespace natledger {

// Calls `visit(flow)` with each entry that `dump` tells of, numbered by `sink`, not enriched.
// Returns how many entries were not understood.
uint64_t visit_table(const TableDump& dump, const RecordSink& sink,
                     const std::function<void(Flow&)>& visit);

}  // namespace natledger
