// SPDX-License-Identifier: GPL-2.0-or-later
// Makes archives of sealed segments, one at a time; docs/ledger-format.md has the order of steps.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "base/time.h"

namespace natledger {

class Archiver {
 public:
  // Segments are archived when they have been sealed for `after`; zero: never.
  Archiver(std::string directory, Duration after);
  // From any thread.
  void set_after(Duration after) { after_ = after; }

  // Removes what an archiver that was stopped left half made.
  void remove_leftovers() const;

  // Archives the oldest segment that is due at `at`; false when none is. `go_on` is asked every few
  // milliseconds; false leaves the segment as it is. Throws SystemError, the segment being as it
  // was; the next call goes on with the one behind it, and begins again after the newest.
  bool archive_next(TimePoint at, const std::function<bool()>& go_on);

 private:
  bool archive(const std::string& segment, const std::function<bool()>& go_on) const;
  static bool remove(const std::string& segment);

  const std::string directory_;
  std::atomic<Duration> after_;
  uint64_t tried_ = 0;  // the first sequence of the segment tried last
};

}  // namespace natledger
