// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/pipeline.h"

#include <utility>

#include "base/error.h"

namespace natledger {

namespace {
// So much is written at once while events keep coming.
constexpr size_t kFlushAt = 1024 * 1024;
}  // namespace

Pipeline::Pipeline(PipelineParts parts) : parts_(std::move(parts)), live_flows_(parts_.max_flows) {}

void Pipeline::begin(TimePoint whole_from, Resync* resync) {
  clock_ = drained_at_ = whole_from;
  resync_ = resync;
  if (resync_ != nullptr) resync_->request(live_flows_);
}

bool Pipeline::drain(EventRing& ring) {
  RingEntry entry{};
  while (ring.next(entry)) {
    if (entry.kind == RingEntry::Kind::kEnd) return false;
    clock_ = entry.at;
    if (entry.kind == RingEntry::Kind::kDatagram) {
      handle_datagram(entry);
    } else {
      handle_mark(entry);
    }
  }
  return true;
}

void Pipeline::handle_datagram(const RingEntry& entry) {
  const bool whole = for_each_message(
      entry.datagram, [&](std::span<const std::byte> message) { handle(message, entry.at); });
  if (whole) return;
  ++stats_.received;
  malformed(Decoded::kShortMessage, entry.at);
}

void Pipeline::handle(std::span<const std::byte> message, TimePoint at) {
  ++stats_.received;
  const Decoded result = decode(message, flow_);
  if (is_malformed(result)) return malformed(result, at);
  if (result == Decoded::kIgnored) {
    ++stats_.ignored;
    return;
  }
  if (flow_.from_dump || (parts_.events & static_cast<uint32_t>(flow_.event)) == 0) {
    ++stats_.filtered;
    return;
  }
  ++stats_.flows;
  flow_.receipt = at;
  flow_.sequence = parts_.sink.next_sequence();
  live_flows_.track(flow_);
  append(flow_);
}

void Pipeline::handle_mark(const RingEntry& entry) {
  switch (entry.kind) {
    case RingEntry::Kind::kDrained:
      return handle_drained(entry.at);
    case RingEntry::Kind::kForeign:
      ++stats_.received;
      ++stats_.ignored;
      return;
    case RingEntry::Kind::kOversize:
      ++stats_.received;
      ++stats_.malformed;
      return missed(oversize_, entry.at, 1);
    case RingEntry::Kind::kOverrun:
      stats_.dropped += entry.count;
      ++stats_.overruns;
      return missed(overrun_, entry.at, entry.count);
    default:
      check(false, "an entry of the ring that is no mark");
  }
}

// Something was lost after the socket was last seen empty.
void Pipeline::missed(Loss& loss, TimePoint at, uint64_t dropped) {
  add_gap(loss.reason, at, dropped);
  uint64_t suppressed = 0;
  if (!loss.throttle.pass(at, suppressed)) return;
  std::string text = "events were lost (" + std::string{loss.reason} + "): ";
  text += dropped != 0 ? std::to_string(dropped) : "an unknown number";
  if (suppressed != 0) text += ", and " + std::to_string(suppressed) + " times more before it";
  log_error(text + "; the ledger says when (" + loss.remedy + ")");
}

// Events may have passed unrecorded since the last drain, so what is open is looked for again.
void Pipeline::add_gap(const std::string& reason, TimePoint at, uint64_t events) {
  if (parts_.coverage != nullptr) parts_.coverage->gap(drained_at_, at, reason, events);
  if (resync_ != nullptr) resync_->request(live_flows_);
}

// Flows that the table had no room for: their ends will not be told from those of others.
void Pipeline::check_room(TimePoint at) {
  const uint64_t not_held = live_flows_.not_held();
  if (not_held == not_held_) return;
  const uint64_t more = not_held - not_held_;
  not_held_ = not_held;
  if (parts_.coverage != nullptr) parts_.coverage->gap(drained_at_, at, "table-full", more);
  uint64_t suppressed = 0;
  if (!full_throttle_.pass(at, suppressed)) return;
  log_error("the table of open flows is full: " + std::to_string(not_held) +
            " flows since the start are recorded without it (raise source.max_flows)");
}

void Pipeline::handle_drained(TimePoint at) {
  check_room(at);
  if (malformed_since_drained_ != 0) {
    add_gap("malformed", at, malformed_since_drained_);
    malformed_since_drained_ = 0;
  }
  // Its gap ends as any other does.
  if (std::exchange(unsynced_, false) && resync_ != nullptr) resync_->request(live_flows_);
  const bool resumed = resync_ != nullptr && resync_->drained(at, live_flows_, [this](Flow& flow) {
    handle_inferred(flow);
  });
  if (resumed && parts_.coverage != nullptr) {
    parts_.coverage->resume(at, live_flows_.oldest_sequence(parts_.sink.next_sequence()));
  }
  flush();
  drained_at_ = at;
  parts_.sink.mark_covered(at);
}

// Where starts are not asked for it is no record, but its end will want what the table knows.
void Pipeline::handle_inferred(Flow& flow) {
  const bool recorded = (parts_.events & static_cast<uint32_t>(Event::kNew)) != 0;
  flow.sequence = recorded ? parts_.sink.next_sequence() : 0;
  live_flows_.adopt(flow);
  if (!recorded) return;
  ++stats_.inferred;
  append(flow);
}

void Pipeline::append(Flow& flow) {
  for (const auto& enricher : parts_.enrichers) enricher->enrich(flow);
  char* out = parts_.sink.room(parts_.encoder->longest_line());
  parts_.sink.take(parts_.encoder->append_line(out, flow));
  ++stats_.written;
  if (parts_.sink.kept_bytes() >= kFlushAt) flush();
}

void Pipeline::flush() {
  write_kept();
  rotate();
}

void Pipeline::rotate() {
  const auto rotation = parts_.sink.rotate(clock_);
  if (!rotation || parts_.coverage == nullptr) return;
  const uint64_t next = parts_.sink.next_sequence();
  parts_.coverage->rotated(clock_, *rotation, live_flows_.oldest_sequence(next));
  unsynced_ = unsynced_ || rotation->unsynced_from.known();
  write_kept();
}

void Pipeline::write_kept() {
  while (const int cause = parts_.sink.flush()) {
    if (!parts_.wait_for_sink || !parts_.wait_for_sink(cause)) {
      throw SystemError("write records into the ledger", cause, "make room, or mend the disk");
    }
  }
}

// It may have been any event: at the next mark the record says so.
void Pipeline::malformed(Decoded why, TimePoint at) {
  ++stats_.malformed;
  ++malformed_since_drained_;
  uint64_t suppressed = 0;
  if (!malformed_throttle_.pass(at, suppressed)) return;
  std::string text = "a message was not understood: " + std::string{to_text(why)};
  if (suppressed != 0) text += " (and " + std::to_string(suppressed) + " more before it)";
  log_warning(text);
}

Stats Pipeline::stats() const {
  Stats stats = stats_;
  if (parts_.coverage != nullptr) {
    stats.coverage = parts_.coverage->lines();
    stats.written += stats.coverage;
  }
  return stats;
}

}  // namespace natledger
