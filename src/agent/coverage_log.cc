// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/coverage_log.h"

#include <algorithm>
#include <utility>

#include "agent/config.h"
#include "agent/version.h"
#include "base/log.h"

namespace natledger {

namespace {

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

void CoverageLog::start(TimePoint at, uint32_t events, const StartFacts& facts) {
  CoverageRecord record = make_record("coverage-start", at);
  record.events = event_names(events);
  record.sysctl_acct = facts.acct;
  record.sysctl_timestamp = facts.timestamp;
  record.sysctl_events = facts.events;
  record.kernel = facts.kernel_release;
  record.boot_id = read_boot_id();
  record.version = kVersion;
  config_ = record;
  resumed_ = false;
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
  record.from = from;
  record.to = to;
  record.reason = reason;
  if (dropped != 0) {
    record.dropped = dropped;
    record.dropped_exact = true;
  }
  write(std::move(record));
}

void CoverageLog::resume(TimePoint at, uint64_t open_from) {
  resumed_ = true;
  CoverageRecord record = make_record("coverage-resume", at);
  if (open_from != 0) record.open_from_sequence = open_from;
  write(std::move(record));
}

void CoverageLog::stop(TimePoint at, const Stats& stats) {
  CoverageRecord record = make_record("coverage-stop", at);
  record.counts = CoverageCounts{stats.received,  stats.flows,    stats.ignored,
                                 stats.malformed, stats.filtered, stats.dropped};
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
