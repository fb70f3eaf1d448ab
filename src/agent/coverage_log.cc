// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/coverage_log.h"

#include <algorithm>
#include <utility>

#include "agent/config.h"
#include "agent/version.h"
#include "base/log.h"

namespace natledger {

namespace {

CoverageCounts counts_of(const Stats& stats) {
  return {stats.received,  stats.flows,    stats.ignored, stats.malformed,
          stats.duplicate, stats.filtered, stats.dropped};
}

CoverageRecord make_record(std::string action, TimePoint at) {
  CoverageRecord record;
  record.action = std::move(action);
  record.at = at;
  return record;
}

}  // namespace

CoverageLog::CoverageLog(RecordSink& sink, std::string observer)
    : sink_(sink), observer_(std::move(observer)) {}

void CoverageLog::opening(const Ledger& ledger, TimePoint at) {
  const LedgerOpening& opening = ledger.opening();
  for (const std::string& note : opening.notes) log_warning("ledger: " + note);
  // Numbers that are missing are explained before anything else.
  if (opening.plan.skipped_from != 0) {
    skipped(at, opening.plan.skipped_from, opening.plan.skipped_to);
  }
  if (const auto seal = ledger.seal_before()) sealed(at, *seal);
  // The clock may have been set back meanwhile, and a capture may be older than the one before.
  if (opening.covered_to.known()) gap(std::min(opening.covered_to, at), at, "agent-down");
}

void CoverageLog::start(TimePoint at, uint32_t events, const StartFacts& facts,
                        std::optional<uint64_t> carried_over) {
  clock_right_at_ = at;
  resumed_ = false;
  CoverageRecord record = make_record("coverage-start", at);
  record.carried_over = carried_over;
  tell_what_is_recorded(std::move(record), events, facts);
}

void CoverageLog::config(TimePoint at, std::string observer, uint32_t events,
                         const StartFacts& facts) {
  observer_ = std::move(observer);
  if ((events & ~events_) != 0) resumed_ = false;
  tell_what_is_recorded(make_record("coverage-config", at), events, facts);
}

void CoverageLog::tell_what_is_recorded(CoverageRecord record, uint32_t events,
                                        const StartFacts& facts) {
  events_ = events;
  record.events = event_names(events);
  record.sysctl_acct = facts.acct;
  record.sysctl_timestamp = facts.timestamp;
  record.sysctl_events = facts.events;
  record.kernel = facts.kernel_release;
  record.boot_id = read_boot_id();
  record.version = kVersion;
  if (facts.clock) tell_clock(record, *facts.clock);
  config_ = record;
  config_.carried_over.reset();
  write(std::move(record));
}

void CoverageLog::rotated(TimePoint at, const Rotation& rotation, uint64_t open_from) {
  if (rotation.seal) sealed(at, *rotation.seal);
  if (rotation.unsynced_from.known()) {
    gap(std::min(rotation.unsynced_from, at), at, "sync-failed");
  }
  if (config_.action.empty()) return;
  CoverageRecord record = config_;
  record.action = "coverage-config";
  record.at = at;
  if (resumed_ && open_from != 0) record.open_from_sequence = open_from;
  write(std::move(record));
}

void CoverageLog::tell_clock(CoverageRecord& record, const ClockState& clock) {
  record.clock_synchronised = clock.synchronised;
  record.clock_error_ns = clock.error.count();
  if (clock.synchronised) clock_right_at_ = record.at;
}

void CoverageLog::sealed(TimePoint at, const SegmentSeal& seal) {
  CoverageRecord record = make_record("segment-sealed", at);
  record.segment_name = seal.name;
  record.segment_first = seal.first;
  record.segment_last = seal.last;
  record.segment_bytes = seal.bytes;
  record.segment_sha256 = seal.sha256;
  record.segment_previous = seal.previous;
  write(std::move(record));
}

void CoverageLog::skipped(TimePoint at, uint64_t from, uint64_t to) {
  CoverageRecord record = make_record("sequence-skipped", at);
  record.from_sequence = from;
  record.to_sequence = to;
  write(std::move(record));
}

void CoverageLog::gap(TimePoint from, TimePoint to, const std::string& reason, uint64_t dropped) {
  resumed_ = false;
  CoverageRecord record = make_record("coverage-gap", to);
  // The clock may have been set back meanwhile.
  record.from = std::min(from, to);
  record.to = std::max(from, to);
  record.reason = reason;
  if (dropped != 0) {
    record.dropped = dropped;
    record.dropped_exact = true;
  }
  write(std::move(record));
}

void CoverageLog::resume(TimePoint from, TimePoint at, uint64_t open_from) {
  resumed_ = true;
  CoverageRecord record = make_record("coverage-resume", at);
  record.from = from;
  record.to = at;
  if (open_from != 0) record.open_from_sequence = open_from;
  write(std::move(record));
}

void CoverageLog::heartbeat(TimePoint at, const Stats& stats, size_t live_flows,
                            const ClockState& clock) {
  CoverageRecord record = make_record("heartbeat", at);
  record.counts = counts_of(stats);
  record.live_flows = live_flows;
  tell_clock(record, clock);
  write(std::move(record));
}

// How long the clock had been wrong nobody knows, so the whole time since it was right is doubted.
void CoverageLog::clock_step(TimePoint at, const ClockStep& step) {
  CoverageRecord record = make_record("clock-step", at);
  record.from = std::min({clock_right_at_, step.before(), step.after});
  record.to = std::max(step.before(), step.after);
  record.clock_step_ns = step.by.count();
  write(std::move(record));
}

void CoverageLog::stop(TimePoint at, const Stats& stats) {
  CoverageRecord record = make_record("coverage-stop", at);
  record.counts = counts_of(stats);
  write(std::move(record));
}

void CoverageLog::write(CoverageRecord record) {
  record.sequence = sink_.next_sequence();
  record.id = sink_.id_prefix() + std::to_string(record.sequence);
  record.observer = observer_;
  sink_.append(encode_coverage(record));
  ++lines_;
}

}  // namespace natledger
