// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/resync.h"

#include <linux/netfilter/nf_conntrack_common.h>

#include <cstdint>

#include "decode/decoder.h"

namespace natledger {

namespace {
// A table under overruns would otherwise be dumped without end.
constexpr Duration kRest = std::chrono::seconds{1};
}  // namespace

void Resync::request(LiveFlows& live) {
  wanted_ = true;
  if (!waiting_) return;
  waiting_ = false;
  candidates_.clear();
  live.end_resync();
}

bool Resync::drained(TimePoint at, LiveFlows& live, const std::function<void(Flow&)>& found) {
  const bool finished = waiting_ && at >= dumped_at_;
  if (finished) {
    infer_starts(live, found);
    waiting_ = false;
    candidates_ = {};
    live.end_resync();
  }
  if (wanted_ && !waiting_ && at >= dumped_at_ + kRest) {
    live.begin_resync();
    take_candidates(live);
    dumped_at_ = now();
    wanted_ = false;
    waiting_ = true;
  }
  return finished;
}

void Resync::infer_starts(LiveFlows& live, const std::function<void(Flow&)>& found) {
  Flow flow;
  for_each_message(candidates_, [&](std::span<const std::byte> message) {
    decode(message, flow);
    flow.receipt = dumped_at_;
    if (!live.knows(flow)) found(flow);
  });
}

void Resync::take_candidates(LiveFlows& live) {
  Flow flow;
  dump_([&](std::span<const std::byte> message) {
    if (decode(message, flow) != Decoded::kFlow) return;
    // A dying entry is still in the table while its end is on the way.
    if ((flow.status & IPS_DYING) != 0 || live.knows(flow)) return;
    candidates_.insert(candidates_.end(), message.begin(), message.end());
    candidates_.resize((candidates_.size() + 3) & ~size_t{3});
  });
}

}  // namespace natledger
