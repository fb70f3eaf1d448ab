// SPDX-License-Identifier: GPL-2.0-or-later
#include "lookup/who.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "base/conntrack.h"
#include "ledger/line.h"
#include "lookup/line_facts.h"

namespace natledger {

namespace {

using Host = std::tuple<std::string, std::string, int>;  // gateway, inside address, zone

std::set<Host> hosts_of(const std::vector<Candidate>& candidates) {
  std::set<Host> hosts;
  for (const Candidate& c : candidates) {
    hosts.insert({c.gateway, address_text(c.side.inside.address), c.zone});
  }
  return hosts;
}

bool matches(const Endpoint& asked, const Endpoint& end) {
  return asked.address == end.address && (!asked.port || asked.port == end.port);
}

// By when a line was surely made: what an event tells of is at most a reaping older than it, an
// inferred start as old as the flow.
TimePoint latest_of(std::string_view line) {
  const TimePoint seen = inferred_at(line);
  return (seen.known() ? seen : time_of(line)) + kReaping;
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
  if (flow.end_not_after.known()) {
    if (window.at >= flow.end_not_after + window.skew + std::chrono::microseconds{1}) return {};
    if (window.at <= flow.end_not_before - window.skew) return {true, {}};
    return doubtful("its end was not told: it was there until " + utc_text(flow.end_not_before) +
                    " and had gone by " + utc_text(flow.end_not_after));
  }
  if (!flow.end.known()) {
    // Since then it has been seen in the table, or would have an inferred end.
    if (timeline.compared_since(flow.told, window.until)) return {true, {}};
    // A flow that began while nobody listened may be silent for good (nf_conntrack_events=2).
    if (flow.start_not_after.known() && window.until > flow.start_not_after) {
      return doubtful("it was found in the table, and the kernel may not tell of its end");
    }
    const TimePoint seen =
        std::max(flow.first_seen, timeline.compared_before(flow.told, window.until));
    if (timeline.covers_ends(seen, window.until)) return {true, {}};
    return doubtful("no end of it is recorded, but one may have been missed since " +
                    utc_text(seen));
  }
  // Records have microseconds, rounded down.
  if (window.at >= flow.end + window.skew + std::chrono::microseconds{1}) return {};
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
  const bool bears = !is_plainly_flow(line) || may_name(line, address_text_) || !is_whole(line);
  const std::optional<LedgerRecord> record = bears ? parse_record(line) : std::nullopt;
  read_coverage(line, sequence, bears, record);
  if (record && record->flow) read_flow(record->sequence, *record->flow);
}

// Of its flow, if it is of one, it tells elsewhere.
void Inquiry::read_kept(std::string_view line, uint64_t sequence) {
  read_coverage(line, sequence, true, parse_record(line));
}

// Whether it names whom it named when it was written, as far as that can be seen.
bool Inquiry::is_whole(std::string_view line) {
  read_line_facts(line, 0, facts_);
  return facts_.kind != LineFacts::Kind::kKept;
}

void Inquiry::read_coverage(std::string_view line, uint64_t sequence, bool bears,
                            const std::optional<LedgerRecord>& record) {
  const CoverageLine* coverage = nullptr;
  if (record && record->coverage) coverage = &*record->coverage;
  // A line that cannot be read may have told of anything.
  begins_with(sequence);
  if (bears && !record) {
    add_hole(line, sequence + 1);
  } else if (!in_order(sequence, coverage)) {
    add_hole(line, sequence);
  }
  // These are of the start's own time: of what was recorded till then they say nothing.
  const bool timeless = coverage != nullptr && (coverage->action == "segment-sealed" ||
                                                coverage->action == "sequence-skipped");
  if (coverage != nullptr && !timeless) {
    timeline_.add(*coverage, sequence, told_to(), whole_from_);
    const bool went_back = coverage->clock_step < Duration::zero();
    clock_went_back_ = clock_went_back_ || went_back;
    told_to_ = went_back ? coverage->at : std::max(told_to_, coverage->at);
  }
  last_sequence_ = sequence;
  if (!timeless) last_line_.assign(line);
}

void Inquiry::begins_with(uint64_t sequence) {
  if (whole_from_ == 0) whole_from_ = sequence;
}

void Inquiry::pass(const PassedLines& lines) {
  if (lines.last == 0) return;
  last_sequence_ = lines.last;
  told_to_ = std::max(told_to_, lines.reached);
  if (!lines.last_time.known()) return;
  last_line_.clear();
  last_time_ = lines.last_time;
}

void Inquiry::recall(std::string_view line) {
  const std::optional<LedgerRecord> record = parse_record(line);
  if (record && record->flow) read_flow(record->sequence, *record->flow);
}

// Numbers without a line are a hole, unless a record says that they were skipped.
bool Inquiry::in_order(uint64_t sequence, const CoverageLine* coverage) const {
  if (last_sequence_ == 0 || sequence == last_sequence_ + 1) return true;
  return coverage != nullptr && coverage->action == "sequence-skipped" &&
         coverage->from_sequence <= last_sequence_ + 1 && coverage->to_sequence + 1 >= sequence;
}

TimePoint Inquiry::last_time() const {
  return last_line_.empty() ? last_time_ : time_of(last_line_);
}

// An instant up to which the lines so far had come. After a step back a flow's own times may be of
// the old time.
TimePoint Inquiry::told_to() const {
  return clock_went_back_ ? told_to_ : std::max(told_to_, last_time());
}

// Between the line before and this one, or in this one.
void Inquiry::add_hole(std::string_view line, uint64_t behind) {
  whole_from_ = behind;
  const TimePoint from = told_to();
  told_to_ = std::max(from, latest_of(line));
  timeline_.add_missing_lines(from, told_to_);
}

// A later record of a flow counts even if it fits no more, an id having become known.
void Inquiry::read_flow(uint64_t sequence, const FlowRecord& flow) {
  const std::string& id = flow.flow_id.empty() ? flow.event_id : flow.flow_id;
  const bool asked_for = std::any_of(flow.sides.begin(), flow.sides.end(),
                                     [&](const PublicSide& side) { return fits(flow, side); });
  if (!asked_for && flows_.count(id) == 0) return;
  const Told told{sequence, flow};
  Seen& seen = flows_.try_emplace(id, Seen{told, told}).first->second;
  if (sequence < seen.first.sequence) seen.first = told;
  if (sequence > seen.latest.sequence) seen.latest = told;
}

TimeRange Inquiry::range() const {
  constexpr Duration kRounding = std::chrono::seconds{1};
  const Duration skew = widened(question_.skew, settings()) + kRounding;
  return {question_.at - skew, question_.at + skew + kReading};
}

std::vector<std::string> Inquiry::beginnings_wanted() const {
  std::vector<std::string> ids;
  for (const auto& [id, seen] : flows_) {
    const FlowRecord& latest = seen.latest.flow;
    const bool begun_before = seen.first.flow.event_id != id;
    // An end that was concluded does not say whether the flow was picked up.
    const bool tells_all = latest.start.known() && !latest.end_not_after.known();
    if (begun_before && !tells_all) ids.push_back(id);
  }
  return ids;
}

bool Inquiry::fits(const FlowRecord& flow, const PublicSide& side) const {
  if (question_.protocol && *question_.protocol != flow.protocol) return false;
  if (question_.remote && !matches(*question_.remote, side.remote)) return false;
  if (side.id_unknown) return question_.address.address == side.seen.address;
  return matches(question_.address, side.seen);
}

Answer Inquiry::answer(TimePoint covered_to, TimePoint asked_at) {
  timeline_.finish(std::max(covered_to, told_to()));
  Answer answer;
  answer.question = question_;
  answer.clock_settings = settings();
  const Window asked = window(asked_at);
  for (const auto& [id, seen] : flows_) add_candidates(seen, asked, answer);
  std::stable_sort(answer.candidates.begin(), answer.candidates.end(),
                   [](const Candidate& a, const Candidate& b) {
                     return std::tie(a.start, a.flow_id) < std::tie(b.start, b.flow_id);
                   });
  const TimePoint from = asked.at - asked.skew;
  answer.holes = timeline_.holes(from, asked.until);
  // Spans may overlap where the clock was set back; a hole counts all the same.
  answer.covered = timeline_.covers_starts(from, asked.until) && answer.holes.empty();
  answer.record_begin = timeline_.begin();
  answer.record_end = timeline_.end();
  answer.verdict = judge(answer.candidates, answer.covered, !question_.address.port);
  return answer;
}

std::vector<ClockSetting> Inquiry::settings() const {
  return timeline_.clock_settings(question_.at - question_.skew, question_.at + question_.skew);
}

Duration widened(Duration skew, const std::vector<ClockSetting>& settings) {
  for (const ClockSetting& setting : settings) skew += std::chrono::abs(setting.by);
  return skew;
}

Window Inquiry::window(TimePoint asked_at) const {
  const Duration skew = widened(question_.skew, settings());
  const TimePoint until = std::min(question_.at + skew, asked_at);
  return {question_.at, skew, std::max(question_.at, until)};
}

void Inquiry::add_candidates(const Seen& seen, const Window& window, Answer& answer) const {
  const FlowRecord& latest = seen.latest.flow;
  const FlowRecord& first = seen.first.flow;
  FlowSpan span;
  span.first_seen = first.start_not_after.known() ? first.start_not_after : first.at;
  const FlowRecord& timed = latest.start.known() ? latest : first;
  span.start = timed.start;
  span.receipt_clock = timed.start_clock == "receipt";
  span.start_not_after = first.start_not_after;
  if (latest.is_end) span.end = latest.end;
  span.end_not_before = latest.end_not_before;
  span.end_not_after = latest.end_not_after;
  span.told = seen.latest.sequence;
  span.kernel_clock = latest.start_clock == "kernel";
  const Presence presence = presence_at(span, window, timeline_);
  if (!presence.there) return;
  for (const PublicSide& side : latest.sides) {
    if (!fits(latest, side)) continue;
    std::string doubt = presence.doubt;
    if (side.id_unknown && question_.address.port && doubt.empty()) {
      doubt = "its id after translation is not recorded (the enricher `nat` was off)";
    }
    answer.candidates.push_back({first.flow_id,
                                 side,
                                 latest.protocol,
                                 latest.zone,
                                 latest.nat_kind,
                                 span.start,
                                 span.end,
                                 doubt,
                                 first.picked_up || latest.picked_up,
                                 {}});
  }
}

}  // namespace natledger
