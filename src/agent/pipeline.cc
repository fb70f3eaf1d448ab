// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/pipeline.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace natledger {

namespace {
// So much is written at once while events keep coming.
constexpr size_t kFlushAt = 1024 * 1024;
}  // namespace

Pipeline::Pipeline(PipelineParts parts) : parts_(std::move(parts)), live_flows_(parts_.max_flows) {}

void Pipeline::begin(TimePoint whole_from, Resync* resync) {
  clock_ = drained_at_ = beat_at_ = whole_from;
  resync_ = resync;
  if (covered_to_.known()) live_flows_.lose(covered_to_, whole_from);
  if (resync_ != nullptr) resync_->request(live_flows_);
}

void Pipeline::go_on_from(TimePoint covered_to, std::unique_ptr<Encoder> encoder) {
  covered_to_ = covered_to;
  parts_.encoder = std::move(encoder);
}

void Pipeline::end_all(TimePoint not_after) {
  live_flows_.lose(covered_to_, not_after);
  live_flows_.begin_resync(not_after);
  live_flows_.end_unseen(not_after, [this](Flow& flow) { handle_inferred_end(flow); });
  live_flows_.end_resync();
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
  if (flow_.from_dump || !records(flow_.event) || is_own(flow_)) {
    ++stats_.filtered;
    return;
  }
  flow_.receipt = at;
  if (track() == Tracked::kRepeated && !parts_.as_told) {
    ++stats_.duplicate;
    return;
  }
  ++stats_.flows;
  append(flow_);
}

Tracked Pipeline::track() {
  for (;;) {
    flow_.sequence = parts_.sink.next_sequence();
    const Tracked tracked = live_flows_.track(flow_);
    if (tracked != Tracked::kOtherEnded) return tracked;
    handle_inferred_end(live_flows_.ended_unseen());
  }
}

void Pipeline::handle_mark(const RingEntry& entry) {
  switch (entry.kind) {
    case RingEntry::Kind::kDrained:
      return handle_drained(entry.at, entry.count);
    case RingEntry::Kind::kForeign:
      ++stats_.received;
      ++stats_.ignored;
      return;
    case RingEntry::Kind::kOversize:
      ++stats_.received;
      ++stats_.malformed;
      return missed(oversize_, drained_at_, entry.at, 1);
    case RingEntry::Kind::kOverrun:
    case RingEntry::Kind::kReaderTooSlow:
      stats_.dropped += entry.count;
      ++stats_.overruns;
      return missed(entry.kind == RingEntry::Kind::kOverrun ? overrun_ : too_slow_, drained_at_,
                    entry.at, entry.count);
    default:
      check(false, "an entry of the ring that is no mark");
  }
}

void Pipeline::missed(Loss& loss, TimePoint from, TimePoint at, uint64_t dropped) {
  add_gap(loss.reason, from, at, dropped);
  uint64_t suppressed = 0;
  if (!loss.throttle.pass(at, suppressed)) return;
  std::string text = "events were lost (" + std::string{loss.reason} + "): ";
  text += dropped != 0 ? std::to_string(dropped) : "an unknown number";
  if (suppressed != 0) text += ", and " + std::to_string(suppressed) + " times more before it";
  log_error(text + "; the ledger says when (" + loss.remedy + ")");
}

// Events may have passed unrecorded meanwhile, so what is open is looked for again.
void Pipeline::add_gap(const std::string& reason, TimePoint from, TimePoint at, uint64_t events) {
  if (parts_.coverage != nullptr) parts_.coverage->gap(from, at, reason, events);
  live_flows_.lose(from, at);
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

void Pipeline::handle_drained(TimePoint at, uint64_t epoch) {
  check_room(at);
  if (malformed_since_drained_ != 0) {
    add_gap("malformed", drained_at_, at, malformed_since_drained_);
    malformed_since_drained_ = 0;
  }
  // Its gap ends as any other does.
  if (std::exchange(unsynced_, false) && resync_ != nullptr) resync_->request(live_flows_);
  // What it finds would be old before anything told of it, and vouch for times without events.
  if (resync_ != nullptr && !is_off_) compare(at, epoch);
  if (parts_.orders != nullptr) follow_orders(at, epoch);
  beat(at);
  flush();
  drained_at_ = at;
  parts_.sink.mark_covered(at);
}

void Pipeline::follow_orders(TimePoint at, uint64_t epoch) {
  for (const ClockStep& step : parts_.orders->take_steps(epoch)) {
    parts_.coverage->clock_step(at, step);
    if (resync_ != nullptr) resync_->clock_was_set();
  }
  if (auto wanted = parts_.orders->take_reconfiguration(epoch)) reconfigure(*wanted, at);
}

void Pipeline::reconfigure(Reconfiguration& wanted, TimePoint at) {
  const uint32_t more = wanted.events & ~parts_.events;
  parts_.encoder = std::move(wanted.encoder);
  parts_.enrichers = std::move(wanted.enrichers);
  parts_.events = wanted.events;
  parts_.heartbeat = wanted.heartbeat;
  if (resync_ != nullptr) resync_->set_period(wanted.reconcile);
  parts_.coverage->config(at, std::move(wanted.observer), wanted.events, wanted.facts);
  // Flows that are open may have no record yet, and others may have gone.
  if (more != 0 && resync_ != nullptr) resync_->request(live_flows_);
  wanted.applied();
}

void Pipeline::beat(TimePoint at) {
  if (parts_.heartbeat == Duration::zero() || parts_.coverage == nullptr) return;
  // The clock may have been set back.
  if (at >= beat_at_ && at < beat_at_ + parts_.heartbeat) return;
  check_events(at);
  beat_at_ = at;
  parts_.coverage->heartbeat(at, stats(), live_flows_.size(), read_clock_state());
}

// Turned off since the last look, or on again since then: nobody has heard of what happened.
void Pipeline::check_events(TimePoint at) {
  const bool was_off = is_off_;
  is_off_ = parts_.sends_events && !parts_.sends_events();
  if (is_off_ || was_off) missed(off_, std::min(beat_at_, at), at, 0);
}

// When it is done, every flow is known again.
void Pipeline::compare(TimePoint at, uint64_t epoch) {
  const auto compared_from =
      resync_->drained({at, epoch}, live_flows_,
                       {.start = [this](Flow& flow) { handle_inferred_start(flow); },
                        .end = [this](Flow& flow) { handle_inferred_end(flow); }});
  if (!compared_from || parts_.coverage == nullptr) return;
  const uint64_t open_from = live_flows_.oldest_sequence(parts_.sink.next_sequence());
  parts_.coverage->resume(*compared_from, at, open_from);
}

// Where starts are not asked for it is no record, but its end will want what the table knows.
void Pipeline::handle_inferred_start(Flow& flow) {
  if (is_own(flow)) return;
  const auto number = [&] { return records(Event::kNew) ? parts_.sink.next_sequence() : 0; };
  flow.sequence = number();
  while (live_flows_.adopt(flow) == Tracked::kOtherEnded) {
    handle_inferred_end(live_flows_.ended_unseen());
    flow.sequence = number();
  }
  if (flow.sequence == 0) return;
  ++stats_.inferred;
  append(flow);
}

void Pipeline::handle_inferred_end(Flow& flow) {
  if (!records(Event::kDestroy) || parts_.as_told) return;
  flow.sequence = parts_.sink.next_sequence();
  if (flow.first_sequence == 0) flow.first_sequence = flow.sequence;
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
