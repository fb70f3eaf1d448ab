// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/table_view.h"

#include "decode/decoder.h"
#include "flow/live_flows.h"

namespace natledger {

uint64_t visit_table(const TableDump& dump, const RecordSink& sink,
                     const std::function<void(Flow&)>& visit) {
  LiveFlows live{0};
  Flow flow;
  uint64_t not_understood = 0;
  dump([&](std::span<const std::byte> message) {
    if (decode(message, flow) != Decoded::kFlow) {
      ++not_understood;
      return;
    }
    flow.receipt = now();
    flow.sequence = sink.next_sequence();
    live.track(flow);
    visit(flow);
  });
  return not_understood;
}

}  // namespace natledger
