// SPDX-License-Identifier: GPL-2.0-or-later
#include "lookup/timeline.h"

#include <algorithm>

namespace natledger {

namespace {

template <class Covers>
bool any_span(const std::vector<CoveredSpan>& spans, TimePoint from, TimePoint to, Covers covers) {
  return std::any_of(spans.begin(), spans.end(), [&](const CoveredSpan& span) {
    return span.from <= from && to <= span.to && covers(span);
  });
}

bool has(const std::vector<std::string>& words, const char* word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

void Timeline::add(const CoverageLine& line, TimePoint before, uint64_t whole_from) {
  if (line.action == "coverage-start") {
    // A gap record has said where the span before ended; if none did, no later than its last line.
    close(before);
    configure(line, before);
    resume_counts_ = true;
  } else if (line.action == "coverage-config") {
    configure(line, before);
  } else if (line.action == "coverage-stop") {
    close(line.at);
  } else if (line.action == "coverage-gap") {
    const bool goes_on = open_ && line.reason != "agent-down";
    add_hole({line.from, line.to, line.reason}, goes_on);
  }
  if (proves_open_flows(line, whole_from)) add_proof(line.at);
}

// What is recorded from now on: the same as before, or something else, or the record begins here.
void Timeline::configure(const CoverageLine& line, TimePoint before) {
  const bool starts = has(line.events, "new");
  const bool ends = has(line.events, "destroy");
  if (open_ && starts == current_.starts && ends == current_.ends) return;
  const bool resumed = open_ && resumed_ && current_.starts;
  close(open_ ? line.at : before);
  current_.starts = starts;
  current_.ends = ends;
  open(line.at);
  resumed_ = resumed;
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
  return any_span(spans_, from, to, [](const CoveredSpan& span) { return span.starts; });
}

bool Timeline::covers_ends(TimePoint from, TimePoint to) const {
  return any_span(spans_, from, to, [](const CoveredSpan& span) { return span.ends; });
}

std::vector<Hole> Timeline::holes(TimePoint from, TimePoint to) const {
  std::vector<Hole> found;
  for (const Hole& hole : holes_) {
    if (hole.from <= to && from <= hole.to) found.push_back(hole);
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
  open_ = true;
  resumed_ = false;
}

}  // namespace natledger
