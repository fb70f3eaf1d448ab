// SPDX-License-Identifier: GPL-2.0-or-later
// By when each of a million flows was last seen alive, for four bytes a flow.
//
// Time is cut into spans, a new one with each comparison with the table and with each loss of
// events, and a flow keeps the number of the span in which it was seen last. That bounds the end of
// one that has vanished: it was alive when that span began, and until the first loss behind it if
// its end would have been told.
#pragma once

#include <cstdint>
#include <deque>

#include "base/error.h"
#include "base/time.h"

namespace natledger {

class Sightings {
 public:
  // What is seen from now on is seen at `at` or later.
  void begin(TimePoint at) { spans_.push_back({at, {}}); }
  // Events may have been missed in [from, to].
  void lose(TimePoint from, TimePoint to) { spans_.push_back({to, from}); }

  // The span before any of these begins with the earliest sight.
  void see(TimePoint at) {
    TimePoint& began = spans_.front().began;
    if (current() == 0 && (!began.known() || at < began)) began = at;
  }

  uint32_t current() const { return first_ + static_cast<uint32_t>(spans_.size()) - 1; }

  // When the span began in which something was seen.
  TimePoint began(uint32_t span) const { return at(span).began; }
  // When the first loss behind that span began; the zero instant when nothing has been lost since.
  TimePoint lost_after(uint32_t span) const {
    for (++span; span <= current(); ++span) {
      if (at(span).lost_from.known()) return at(span).lost_from;
    }
    return {};
  }

  // No flow was last seen before this span.
  void forget_before(uint32_t span) {
    while (first_ < span) {
      spans_.pop_front();
      ++first_;
    }
  }

 private:
  struct Span {
    TimePoint began;
    TimePoint lost_from;  // zero: no loss came before it
  };

  const Span& at(uint32_t span) const {
    check(span >= first_ && span <= current(), "a span of sightings that is forgotten");
    return spans_[span - first_];
  }

  std::deque<Span> spans_{Span{}};
  uint32_t first_ = 0;
};

}  // namespace natledger
