// SPDX-License-Identifier: GPL-2.0-or-later
// Which records a server may have without our knowing, and from which backing index on.
//
// An id is unique in one backing index. A record whose outcome is not known is sent again under the
// same id: where that gets into the index that took the last record before, 201 and 409 are exact.
// Where the stream has rolled over meanwhile, be it several times, it may be in any index from that
// one on, and those have to be asked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"

namespace natledger {

class Doubts {
 public:
  // `memory`: of the run before; what it sent last may be there, or be under way until then.
  // `in_flight`: how many records behind the cursor that can have been. `most_indices`: where to
  // look, the newest first, when it is not known since when.
  Doubts(std::string memory, uint64_t in_flight, TimePoint until,
         ptrdiff_t most_indices = kRecentIndices);

  // What is older than so many is no longer under way.
  static constexpr ptrdiff_t kRecentIndices = 16;
  static constexpr ptrdiff_t kEveryIndex = PTRDIFF_MAX;

  // Records up to this number were sent, and nobody knows; a request may be under way until then.
  void add(uint64_t sequence, TimePoint until);
  bool is_doubtful(uint64_t sequence) const { return sequence <= up_to_; }
  // These many records are about to be sent, from `first` to `last`: all below has an outcome.
  void begin(uint64_t first, uint64_t last, uint64_t records);

  // The last index that took a record.
  void took(const std::string& index) { last_ = index; }
  // Whether a doubtful record that was taken by `index`, or is there, can be nowhere else.
  bool is_exact(const std::string& index) const { return index == since_; }
  // Which backing indices there are, oldest first. Where the one to look from is not among them,
  // one is settled on now: others may follow while the doubt lasts.
  void know(const std::vector<std::string>& backing);
  // Where else it can be, of the stream's backing indices, oldest first.
  std::vector<std::string> elsewhere(const std::string& index,
                                     const std::vector<std::string>& backing) const;
  // Whether all that the run before can have sent has been come to.
  bool is_past_the_run_before() const { return in_flight_ == 0; }
  TimePoint under_way_until() const { return until_; }

  // For the next run. Empty: nothing was ever taken.
  const std::string& memory() const { return since_; }

 private:
  // Where to look from; the least recent of the last ones where since_ was removed, or never known.
  std::vector<std::string>::const_iterator from(const std::vector<std::string>& backing) const;

  std::string since_;   // took the last record before the oldest one that is doubtful
  std::string last_;    // took the last record
  uint64_t in_flight_;  // records that this run has not come to yet
  uint64_t come_to_ = 0;
  uint64_t up_to_ = 0;  // numbers up to this one are doubtful
  TimePoint until_;
  const ptrdiff_t most_indices_;
};

}  // namespace natledger
