// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/resync.h"

#include <linux/netfilter/nf_conntrack_common.h>

#include <algorithm>
#include <cstdint>

#include "base/log.h"
#include "decode/decoder.h"

namespace natledger {

namespace {
// A table under overruns would otherwise be dumped without end.
constexpr Duration kRest = std::chrono::seconds{1};
// How long after its start a flow's NEW may be sent: far longer than the kernel needs.
constexpr Duration kSlowestNew = std::chrono::seconds{1};
constexpr size_t kPieceBytes = 1 << 20;
constexpr int kMostDumps = 3;  // one after the other, where the kernel's hash is being resized
}  // namespace

void Resync::request(LiveFlows& live) {
  wanted_ = true;
  if (!waiting_) return;
  waiting_ = false;
  candidates_.clear();
  live.end_resync();
}

void Resync::clock_was_set(LiveFlows& live) {
  dumped_at_ = {};
  if (waiting_) request(live);
}

bool Resync::drained(TimePoint at, LiveFlows& live, const FoundFlow& found) {
  const bool finished = waiting_ && at >= dumped_at_;
  if (finished) {
    infer_starts(live, found);
    waiting_ = false;
    candidates_ = {};
    live.end_resync();
  }
  if (wanted_ && !waiting_ && at >= dumped_at_ + kRest) {
    live.begin_resync();
    waiting_ = take_entries(at, live, found);
    dumped_at_ = now();
    wanted_ = !waiting_;
    if (wanted_) live.end_resync();
  }
  return finished;
}

void Resync::infer_starts(LiveFlows& live, const FoundFlow& found) {
  Flow flow;
  for (std::vector<std::byte>& piece : candidates_) {
    for_each_message(piece, [&](std::span<const std::byte> message) {
      decode(message, flow);
      flow.receipt = dumped_at_;
      if (!live.knows(flow)) found(flow);
    });
    piece = {};
  }
}

void Resync::add_candidate(std::span<const std::byte> message) {
  const size_t bytes = (message.size() + 3) & ~size_t{3};
  if (candidates_.empty() || candidates_.back().size() + bytes > kPieceBytes) {
    candidates_.emplace_back().reserve(std::max(kPieceBytes, bytes));
  }
  std::vector<std::byte>& piece = candidates_.back();
  piece.insert(piece.end(), message.begin(), message.end());
  piece.resize(piece.size() - message.size() + bytes);
}

// A resize of the kernel's hash hides entries from the dump that is under way: then it is made
// again. False when each try was spoiled.
bool Resync::dump_unresized(const MessageVisit& take) {
  for (int tries = 0; tries < kMostDumps; ++tries) {
    candidates_.clear();
    const auto before = buckets_();
    dump_(take);
    if (buckets_() == before) return true;
  }
  return false;
}

// False when the kernel does not give the table now; a later drain tries again.
bool Resync::take_entries(TimePoint at, LiveFlows& live, const FoundFlow& found) {
  Flow flow;
  const auto take = [&](std::span<const std::byte> message) {
    if (decode(message, flow) != Decoded::kFlow) return;
    // A dying entry is still in the table while its end is on the way.
    if ((flow.status & IPS_DYING) != 0 || live.knows(flow)) return;
    // Its NEW would have been applied by now, so it was lost, or sent before we listened.
    if (flow.kernel_start.known() && flow.kernel_start + kSlowestNew < at) {
      flow.receipt = now();
      return found(flow);
    }
    add_candidate(message);
  };
  try {
    if (dump_unresized(take)) return true;
    log_error("read the conntrack table: nf_conntrack_buckets changed during each of " +
              std::to_string(kMostDumps) +
              " dumps, which hides entries; trying again in a second (leave the table's size "
              "alone for a while)");
  } catch (const DumpError& error) {
    log_error(std::string{error.what()} + "; trying again in a second");
  }
  return false;
}

}  // namespace natledger
