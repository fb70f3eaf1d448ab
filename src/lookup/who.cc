// SPDX-License-Identifier: GPL-2.0-or-later
#include "lookup/who.h"

#include <algorithm>
#include <set>
#include <utility>

#include "ledger/line.h"

namespace natledger {

namespace {

// The kernel reaps a timed-out flow within its gc interval, 60 s at most (Linux 5.15 on).
constexpr Duration kReaping = std::chrono::seconds{60};
// An event may wait in the socket before it is read.
constexpr Duration kReading = std::chrono::seconds{2};

using Host = std::pair<std::string, int>;  // inside address and zone

std::set<Host> hosts_of(const std::vector<Candidate>& candidates) {
  std::set<Host> hosts;
  for (const Candidate& c : candidates) hosts.insert({address_text(c.side.inside.address), c.zone});
  return hosts;
}

bool matches(const Endpoint& asked, const Endpoint& end) {
  return asked.address == end.address && (!asked.port || asked.port == end.port);
}

Presence doubtful(std::string why) { return {true, std::move(why)}; }

// Whether it had begun.
Presence begun_at(const FlowSpan& flow, const Window& window) {
  if (flow.start.known()) {
    if (window.at >= flow.start - window.skew) return {true, {}};
    if (!flow.receipt_clock || window.at < flow.start - window.skew - kReading) return {};
    return doubtful("it began at most two seconds before it was first read of");
  }
  const TimePoint seen = flow.start_not_after.known() ? flow.start_not_after : flow.first_seen;
  if (window.at >= seen) return {true, {}};
  return doubtful("when it began is not known; it was there by " + utc_text(seen));
}

// Whether it had not ended yet.
Presence going_on_at(const FlowSpan& flow, const Window& window, const Timeline& timeline) {
  if (!flow.end.known()) {
    if (timeline.covers_ends(flow.first_seen, window.until)) return {true, {}};
    return doubtful("no end of it is recorded, but one may have been missed since " +
                    utc_text(flow.first_seen));
  }
  if (window.at > flow.end + window.skew) return {};
  if (flow.kernel_clock || window.at <= flow.end - kReaping - window.skew) return {true, {}};
  return doubtful("its end was timed when it was read, which may be up to a minute late");
}

}  // namespace

Presence presence_at(const FlowSpan& flow, const Window& window, const Timeline& timeline) {
  const Presence begun = begun_at(flow, window);
  const Presence going_on = going_on_at(flow, window, timeline);
  if (!begun.there || !going_on.there) return {};
  return {true, begun.doubt.empty() ? going_on.doubt : begun.doubt};
}

Verdict judge(const std::vector<Candidate>& candidates, bool covered, bool listing) {
  const size_t hosts = hosts_of(candidates).size();
  const bool certain = std::any_of(candidates.begin(), candidates.end(),
                                   [](const Candidate& c) { return c.doubt.empty(); });
  if (hosts > 1) return Verdict::kSeveralHosts;
  if (listing) {
    return covered && (hosts == 0 || certain) ? Verdict::kOneHost : Verdict::kCannotSay;
  }
  if (hosts == 0) return covered ? Verdict::kNobody : Verdict::kCannotSay;
  return covered && certain ? Verdict::kOneHost : Verdict::kOneHostNotSure;
}

Inquiry::Inquiry(const Question& question)
    : question_(question), address_text_(natledger::address_text(question.address.address)) {}

void Inquiry::read(std::string_view line, uint64_t sequence) {
  std::optional<LedgerRecord> record;
  if (may_be_coverage(line) || may_name(line, address_text_)) record = parse_record(line);
  const CoverageLine* coverage = nullptr;
  if (record && record->coverage) coverage = &*record->coverage;
  check_order(line, sequence, coverage);
  if (coverage != nullptr) timeline_.add(*coverage);
  if (record && record->flow) read_flow(*record->flow);
  last_sequence_ = sequence;
  last_line_.assign(line);
}

// Numbers without a line are a hole, unless a record says that they were skipped.
void Inquiry::check_order(std::string_view line, uint64_t sequence, const CoverageLine* coverage) {
  if (last_sequence_ == 0 || sequence == last_sequence_ + 1) return;
  const bool skipped = coverage != nullptr && coverage->action == "sequence-skipped" &&
                       coverage->from_sequence <= last_sequence_ + 1 &&
                       coverage->to_sequence + 1 >= sequence;
  if (skipped) return;
  // A line's time is at most a reaping older than the moment that it tells of.
  timeline_.add_missing_lines(time_of(last_line_), time_of(line) + kReaping);
}

void Inquiry::read_flow(const FlowRecord& flow) {
  const bool asked_for = std::any_of(flow.sides.begin(), flow.sides.end(),
                                     [&](const PublicSide& side) { return fits(flow, side); });
  if (!asked_for) return;
  const auto [seen, is_new] =
      flows_.try_emplace(flow.flow_id.empty() ? flow.event_id : flow.flow_id, Seen{flow, flow});
  if (!is_new) seen->second.latest = flow;
}

bool Inquiry::fits(const FlowRecord& flow, const PublicSide& side) const {
  if (question_.protocol && *question_.protocol != flow.protocol) return false;
  if (question_.remote && !matches(*question_.remote, side.remote)) return false;
  return matches(question_.address, side.seen);
}

Answer Inquiry::answer(TimePoint covered_to, TimePoint asked_at) {
  timeline_.finish(std::max(covered_to, time_of(last_line_)));
  Answer answer;
  answer.question = question_;
  const TimePoint from = question_.at - question_.skew;
  const TimePoint until = std::max(question_.at, std::min(question_.at + question_.skew, asked_at));
  for (const auto& [id, seen] : flows_) add_candidates(seen, until, answer);
  std::sort(answer.candidates.begin(), answer.candidates.end(),
            [](const Candidate& a, const Candidate& b) {
              return std::tie(a.start, a.flow_id) < std::tie(b.start, b.flow_id);
            });
  answer.covered = timeline_.covers_starts(from, until);
  answer.holes = timeline_.holes(from, until);
  answer.record_begin = timeline_.begin();
  answer.record_end = timeline_.end();
  answer.verdict = judge(answer.candidates, answer.covered, !question_.address.port);
  return answer;
}

void Inquiry::add_candidates(const Seen& seen, TimePoint until, Answer& answer) const {
  const FlowRecord& latest = seen.latest;
  const FlowRecord& first = seen.first;
  FlowSpan span;
  span.first_seen = first.start_not_after.known() ? first.start_not_after : first.at;
  const FlowRecord& timed = latest.start.known() ? latest : first;
  span.start = timed.start;
  span.receipt_clock = timed.start_clock == "receipt";
  span.start_not_after = first.start_not_after;
  if (latest.is_end) span.end = latest.end;
  span.kernel_clock = latest.start_clock == "kernel";
  const Presence presence = presence_at(span, {question_.at, question_.skew, until}, timeline_);
  if (!presence.there) return;
  for (const PublicSide& side : latest.sides) {
    if (!fits(latest, side)) continue;
    answer.candidates.push_back({seen.first.flow_id, side, latest.protocol, latest.zone,
                                 latest.nat_kind, span.start, span.end, presence.doubt});
  }
}

}  // namespace natledger
