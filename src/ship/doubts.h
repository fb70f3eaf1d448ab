// SPDX-License-Identifier: GPL-2.0-or-later
// Which records a server may have without our knowing, and in which backing indices.
//
// An id is unique in one backing index. A record whose outcome is not known is sent again under the
// same id: where that gets into the index of before, 201 and 409 are exact. Where the stream has
// rolled over meanwhile, both may be there, and the earlier index has to be asked.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"

namespace natledger {

class Doubts {
 public:
  // `memory`: of the run before; what it sent last may be there, or be under way until then.
  // `in_flight`: how many numbers behind the cursor that can have been.
  Doubts(const std::string& memory, uint64_t in_flight, TimePoint until);

  // Records up to this number were sent, and nobody knows; a request may be under way until then.
  void add(uint64_t sequence, TimePoint until);
  bool is_doubtful(uint64_t sequence) const;
  // What is sent begins with this number: all below it has an outcome.
  void begin_at(uint64_t sequence);

  // The last index that took a record.
  void took(const std::string& index);
  // Where else than in `index` a doubtful record may be.
  std::vector<std::string> elsewhere(const std::string& index) const;
  TimePoint under_way_until() const { return until_; }

  // All of it but the numbers, for the next run.
  std::string memory() const;

 private:
  std::vector<std::string> indexes_;  // the last one behind all others
  uint64_t in_flight_;                // 0 when nothing of the run before is doubtful, or no longer
  uint64_t up_to_ = 0;                // numbers up to this one are doubtful
  TimePoint until_;
};

}  // namespace natledger
