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

void Timeline::add(const CoverageLine& line) {
  if (line.action == "coverage-start") {
    // An open span whose agent left no word ends where the gap record before this one said.
    close(line.at);
    current_.starts = has(line.events, "new");
    current_.ends = has(line.events, "destroy");
    open(line.at);
  } else if (line.action == "coverage-resume") {
    resumed_ = true;
  } else if (line.action == "coverage-stop") {
    close(line.at);
  } else if (line.action == "coverage-gap") {
    const bool goes_on = open_ && line.reason != "agent-down";
    close(line.from);
    holes_.push_back({line.from, line.to, line.reason});
    if (goes_on) open(line.to);
  }
}

void Timeline::add_missing_lines(TimePoint from, TimePoint to) {
  const bool goes_on = open_;
  close(from);
  holes_.push_back({from, to, "lines-missing"});
  if (goes_on) open(to);
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
