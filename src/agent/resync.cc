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
constexpr Duration kShortestRest = std::chrono::seconds{1};
constexpr Duration kLongestRest = std::chrono::seconds{30};
// How long after its start a flow's NEW may be sent: far longer than the kernel needs.
constexpr Duration kSlowestNew = std::chrono::seconds{1};
constexpr size_t kPieceBytes = 1 << 20;
constexpr int kMostDumps = 3;  // one after the other, where the kernel's hash is being resized

AskedTuple asked_for(const Flow& flow) {
  AskedTuple asked;
  asked.source = flow.orig.source;
  asked.target = flow.orig.target;
  asked.protocol = flow.orig.protocol;
  asked.source_port = flow.orig.source_port;
  asked.target_port = flow.orig.target_port;
  asked.icmp_id = flow.orig.icmp_id;
  asked.icmp_type = flow.orig.icmp_type;
  asked.icmp_code = flow.orig.icmp_code;
  asked.zone = flow.zone_direction == ZoneDirection::kReply ? uint16_t{0} : flow.zone;
  return asked;
}

}  // namespace

ConntrackTable kernel_table(EventSocket& socket) {
  return {dump_table, query_table, count_buckets, [&socket] { return socket.begin_epoch(); }};
}

void Resync::request(LiveFlows& live) {
  requested_ = true;
  if (phase_ != Phase::kIdle) abandon(live);
}

void Resync::abandon(LiveFlows& live) {
  phase_ = Phase::kIdle;
  candidates_ = {};
  live.end_resync();
  rest_ = std::clamp(rest_ * 2, kShortestRest, kLongestRest);
}

void Resync::clock_was_set() {
  looked_at_ = {};
  whole_at_ = {};
}

std::optional<TimePoint> Resync::drained(const Drained& drained, LiveFlows& live,
                                         const Findings& findings) {
  const auto [at, epoch] = drained;
  if (phase_ == Phase::kIdle) {
    const bool due = period_ != Duration::zero() && at >= whole_at_ + period_;
    if ((requested_ || due) && at >= looked_at_ + rest_) begin(at, live, findings);
    return {};
  }
  if (epoch < look_epoch_) return {};
  if (phase_ == Phase::kDumped) {
    infer_starts(live, findings);
    phase_ = Phase::kAsked;
    bool asked = false;
    if (!ask_for_unseen(live, asked)) abandon(live);
    if (asked || phase_ == Phase::kIdle) return {};
  }
  live.end_unseen(looked_at_, findings.end);
  return finish(at, live);
}

void Resync::begin(TimePoint at, LiveFlows& live, const Findings& findings) {
  began_at_ = now();
  live.begin_resync(began_at_);
  phase_ = Phase::kDumped;
  const bool dumped = take_entries(at, live, findings);
  end_look();
  if (!dumped) abandon(live);
}

void Resync::end_look() {
  looked_at_ = now();
  look_epoch_ = table_.begin_epoch();
}

TimePoint Resync::finish(TimePoint at, LiveFlows& live) {
  live.end_resync();
  phase_ = Phase::kIdle;
  rest_ = kShortestRest;
  whole_at_ = at;
  requested_ = false;
  return began_at_;
}

// False when the kernel does not answer now.
bool Resync::ask_for_unseen(LiveFlows& live, bool& asked) {
  std::vector<AskedTuple> tuples;
  live.visit_unseen([&](const Flow& flow) { tuples.push_back(asked_for(flow)); });
  if (tuples.empty()) return true;
  asked = true;
  try {
    Flow flow;
    table_.query(tuples, [&](std::span<const std::byte> message) {
      if (decode(message, flow) == Decoded::kFlow) live.sees(flow);
    });
  } catch (const DumpError& error) {
    log_error(std::string{error.what()} + "; trying again soon");
    return false;
  }
  end_look();
  return true;
}

void Resync::infer_starts(LiveFlows& live, const Findings& findings) {
  Flow flow;
  for (std::vector<std::byte>& piece : candidates_) {
    for_each_message(piece, [&](std::span<const std::byte> message) {
      decode(message, flow);
      flow.receipt = looked_at_;
      if (!live.sees(flow)) findings.start(flow);
    });
    piece = {};
  }
  candidates_ = {};
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
    const auto before = table_.buckets();
    table_.dump(take);
    if (table_.buckets() == before) return true;
  }
  return false;
}

// False when the kernel does not give the table now; a later drain tries again.
bool Resync::take_entries(TimePoint at, LiveFlows& live, const Findings& findings) {
  Flow flow;
  const auto take = [&](std::span<const std::byte> message) {
    if (decode(message, flow) != Decoded::kFlow) return;
    // A dying entry is still in the table while its end is on the way.
    if ((flow.status & IPS_DYING) != 0 || live.sees(flow)) return;
    // Its NEW would have been applied by now, so it was lost, or sent before we listened.
    if (flow.kernel_start.known() && flow.kernel_start + kSlowestNew < at) {
      flow.receipt = now();
      return findings.start(flow);
    }
    add_candidate(message);
  };
  try {
    if (dump_unresized(take)) return true;
    log_error("read the conntrack table: nf_conntrack_buckets changed during each of " +
              std::to_string(kMostDumps) +
              " dumps, which hides entries; trying again soon (leave the table's size alone for a "
              "while)");
  } catch (const DumpError& error) {
    log_error(std::string{error.what()} + "; trying again soon");
  }
  return false;
}

}  // namespace natledger
