// SPDX-License-Identifier: GPL-2.0-or-later
#include "lookup/timeline.h"

#include <algorithm>

namespace natledger {

namespace {

// Whether one span, or some that go on from each other, reaches from `from` to `to`.
bool reaches(const std::vector<CoveredSpan>& spans, bool CoveredSpan::*covers, TimePoint from,
             TimePoint to) {
  TimePoint begin;
  TimePoint end;
  bool before = false;  // the span before covers
  for (const CoveredSpan& span : spans) {
    const bool goes_on = before && span.goes_on;
    begin = goes_on ? std::min(begin, span.from) : span.from;
    end = goes_on ? std::max(end, span.to) : span.to;
    before = span.*covers;
    if (before && begin <= from && to <= end) return true;
  }
  return false;
}

bool has(const std::vector<std::string>& words, const char* word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

void Timeline::add(const CoverageLine& line, uint64_t sequence, TimePoint before,
                   uint64_t whole_from) {
  if (line.action == "coverage-start") {
    // A gap record has said where the span before ended; if none did, no later than its last line.
    close(before);
    configure(line, sequence);
    resume_counts_ = true;
  } else if (line.action == "coverage-stop") {
    close(line.at);
  } else if (line.action == "coverage-config") {
    configure(line, sequence);
  } else if (line.action == "clock-step") {
    set_clock(line);
  } else if (line.action == "coverage-gap") {
    const bool goes_on = open_ && line.reason != "agent-down";
    add_hole({line.from, line.to, line.reason}, goes_on);
    if (line.reason == "table-full") knows_all_ = false;
  }
  if (proves_open_flows(line, whole_from)) add_proof(line.at);
  if (line.action == "coverage-resume" && knows_all_) {
    const TimePoint at = line.from.known() ? line.from : line.at;
    comparisons_.push_back({at, std::max(compared_from_, whole_from), sequence});
  }
}

// What is recorded from now on: the same as before, or something else, or the record begins here.
void Timeline::configure(const CoverageLine& line, uint64_t sequence) {
  const bool starts = has(line.events, "new");
  const bool ends = has(line.events, "destroy");
  if (open_ && starts == current_.starts && ends == current_.ends) return;
  // The end of a flow that was told of before may have been passed over.
  const bool known = (open_ || line.carried_over) && current_.ends && knows_all_;
  if (!known) compared_from_ = sequence;
  if (open_) {
    const TimePoint at = std::max(line.at, current_.from);
    go_on(at, at);
    // With starts the agent compares anew: the flows that were open had no record.
    if (starts && !current_.starts) resumed_ = false;
  } else {
    // Perhaps a copy that begins amid a run, and amid a comparison.
    open(line.at);
    resume_counts_ = false;
  }
  current_.starts = starts;
  current_.ends = ends;
  knows_all_ = ends;
}

// Whether each flow that is open at that time was first told of in a line that is here: with a
// number, behind the last one that is missing.
bool Timeline::proves_open_flows(const CoverageLine& line, uint64_t whole_from) const {
  if (line.open_from_sequence != 0) return line.open_from_sequence >= whole_from;
  return line.action == "coverage-resume" && resume_counts_;
}

// Of a flow that was open when the span began and is no more, the end tells, where ends are
// recorded: then the proof holds for all of the span.
void Timeline::add_proof(TimePoint at) {
  if (open_ && !resumed_ && !current_.ends) {
    close(at);
    open(at);
  }
  resumed_ = true;
}

void Timeline::set_clock(const CoverageLine& line) {
  clock_settings_.push_back({line.from, line.to, line.clock_step});
  if (!open_) return;
  const bool forward = line.clock_step > Duration::zero();
  const TimePoint before = forward ? line.to - line.clock_step : line.to;
  go_on(std::max(before, current_.from), before + line.clock_step);
}

void Timeline::add_missing_lines(TimePoint from, TimePoint to) {
  add_hole({from, to, "lines-missing"}, open_);
  resume_counts_ = false;
}

// Its edges are as much the hole's; in records they are cut to microseconds.
void Timeline::add_hole(const Hole& hole, bool goes_on) {
  constexpr std::chrono::microseconds kCut{1};
  close(hole.from - kCut);
  holes_.push_back(hole);
  if (goes_on) open(hole.to + kCut);
}

void Timeline::finish(TimePoint to) { close(to); }

bool Timeline::covers_starts(TimePoint from, TimePoint to) const {
  return reaches(spans_, &CoveredSpan::starts, from, to);
}

bool Timeline::covers_ends(TimePoint from, TimePoint to) const {
  return reaches(spans_, &CoveredSpan::ends, from, to);
}

bool Timeline::compared_since(uint64_t told, TimePoint at) const {
  return std::any_of(comparisons_.begin(), comparisons_.end(),
                     [&](const Comparison& c) { return c.is_of(told) && c.at >= at; });
}

TimePoint Timeline::compared_before(uint64_t told, TimePoint at) const {
  TimePoint last;
  for (const Comparison& c : comparisons_) {
    if (c.is_of(told) && c.at <= at) last = std::max(last, c.at);
  }
  return last;
}

std::vector<Hole> Timeline::holes(TimePoint from, TimePoint to) const {
  std::vector<Hole> found;
  for (const Hole& hole : holes_) {
    if (hole.from <= to && from <= hole.to) found.push_back(hole);
  }
  return found;
}

std::vector<ClockSetting> Timeline::clock_settings(TimePoint from, TimePoint to) const {
  std::vector<ClockSetting> found;
  for (const ClockSetting& setting : clock_settings_) {
    // What the clock showed was up to so much off.
    const Duration error = std::chrono::abs(setting.by);
    if (setting.from - error <= to && from <= setting.to + error) found.push_back(setting);
  }
  return found;
}

TimePoint Timeline::begin() const { return spans_.empty() ? TimePoint{} : spans_.front().from; }

TimePoint Timeline::end() const {
  TimePoint end;
  for (const CoveredSpan& span : spans_) end = std::max(end, span.to);
  return end;
}

void Timeline::close(TimePoint at) {
  if (open_ && at > current_.from) {
    current_.to = at;
    spans_.push_back(current_);
    spans_.back().starts = current_.starts && resumed_;
  }
  open_ = false;
}

void Timeline::open(TimePoint at) {
  current_.from = at;
  current_.goes_on = false;
  open_ = true;
  resumed_ = false;
}

// The present span ends and the next begins, with nothing missing between.
void Timeline::go_on(TimePoint to, TimePoint from) {
  const bool resumed = resumed_;
  const bool goes_on = to > current_.from || current_.goes_on;
  close(to);
  open(from);
  resumed_ = resumed;
  current_.goes_on = goes_on;
}

}  // namespace natledger
