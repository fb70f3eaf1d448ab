// SPDX-License-Identifier: GPL-2.0-or-later
// What a destination refused for good, kept on the gateway: a file of NDJSON a destination.
//
//   {"destination": "elasticsearch", "at": "...", "sequence": 7, "status": 400, "type": "...",
//    "reason": "...", "record": {the line}}
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_set>

#include "base/time.h"
#include "base/unique_fd.h"
#include "ship/destination.h"

namespace natledger {

struct DeadLetter {
  LedgerLine line;
  const Outcome* outcome = nullptr;
};

class DeadLetters {
 public:
  // Opens or makes <state>/dead-letters/<destination>.ndjson. What a kill left of a last line is
  // cut off. `from`: a letter of a number from here on was written, and the cursor did not get to
  // say so. Throws SystemError.
  DeadLetters(const std::string& state, const std::string& destination, uint64_t from);

  // Durable when it returns; one that was written before is not written again. Throws SystemError.
  void add(std::span<const DeadLetter> letters, TimePoint at);
  const std::string& path() const { return path_; }

 private:
  const std::string destination_;
  std::string path_;
  UniqueFd fd_;
  uint64_t bytes_ = 0;                    // of whole letters
  std::unordered_set<uint64_t> written_;  // numbers that the cursor may still come upon
};

}  // namespace natledger
