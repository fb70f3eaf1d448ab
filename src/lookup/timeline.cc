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

void Timeline::add(const CoverageLine& line, TimePoint before) {
  if (line.action == "coverage-start") {
    // A gap record has said where the span before ended; if none did, no later than its last line.
    close(before);
    current_.starts = has(line.events, "new");
    current_.ends = has(line.events, "destroy");
    open(line.at);
    resume_counts_ = true;
    ++run_;
    knows_all_ = current_.ends;
  } else if (line.action == "coverage-resume") {
    resumed_ = resume_counts_;
    const TimePoint at = line.from.known() ? line.from : line.at;
    if (resume_counts_ && knows_all_) comparisons_.push_back({run_, at});
  } else if (line.action == "coverage-stop") {
    close(line.at);
  } else if (line.action == "coverage-gap") {
    const bool goes_on = open_ && line.reason != "agent-down";
    add_hole({line.from, line.to, line.reason}, goes_on);
    resume_counts_ = true;
    if (line.reason == "table-full") knows_all_ = false;
  }
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

bool Timeline::compared_since(int run, TimePoint at) const {
  return std::any_of(comparisons_.begin(), comparisons_.end(),
                     [&](const Comparison& c) { return c.run == run && c.at >= at; });
}

TimePoint Timeline::compared_before(int run, TimePoint at) const {
  TimePoint last;
  for (const Comparison& c : comparisons_) {
    if (c.run == run && c.at <= at) last = std::max(last, c.at);
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
