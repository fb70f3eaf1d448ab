// SPDX-License-Identifier: GPL-2.0-or-later
// What a destination refused for good, kept on the gateway: a file of NDJSON a destination.
//
//   {"destination": "elasticsearch", "at": "...", "sequence": 7, "status": 400, "type": "...",
//    "reason": "...", "record": {the line}}
//
// Whoever adds or takes away holds the lock of the folder meanwhile, so letters can be tried again
// while a shipper is running.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/time.h"
#include "base/unique_fd.h"
#include "ship/destination.h"

namespace natledger {

struct DeadLetter {
  LedgerLine line;
  const Outcome* outcome = nullptr;
};

// Makes it where it is not there. Throws SystemError.
std::string dead_letter_folder(const std::string& state);
// Their file, which is there once a shipper has begun.
std::string dead_letter_path(const std::string& state, const std::string& destination);

// The numbers of all that there are, those that are being tried again among them. For whoever may
// only read the state. Throws SystemError.
std::unordered_set<uint64_t> dead_numbers(const std::string& state, const std::string& destination);

class DeadLetters {
 public:
  // Opens or makes <state>/dead-letters/<destination>.ndjson, which grows to `most_bytes`. What a
  // kill left of a last line is cut off. `from`: a letter of a number from here on was written, and
  // the cursor did not get to say so. Throws SystemError.
  DeadLetters(const std::string& state, const std::string& destination, uint64_t from,
              uint64_t most_bytes);

  // Durable when it returns; one that was written before is not written again. Throws SystemError,
  // also when they are full.
  void add(std::span<const DeadLetter> letters, TimePoint at);
  // Whether there is one of that number, from `from` on.
  bool has(uint64_t sequence) const { return written_.contains(sequence); }
  const std::string& path() const { return path_; }

 private:
  void remember(const std::string& path, uint64_t from);

  const std::string destination_;
  const std::string path_;
  const uint64_t most_bytes_;
  std::unordered_set<uint64_t> written_;  // numbers that the cursor may still come upon
};

// The letters taken out to be tried again. They wait in <destination>.retry.ndjson meanwhile, so a
// run that is killed loses none: the next one goes on with them.
class RetriedLetters {
 public:
  // Takes them out. Throws SystemError, also while somebody else tries them again.
  RetriedLetters(const std::string& state, const std::string& destination);

  struct Letter {
    uint64_t sequence;
    std::string record;
  };
  // In the order of their numbers, each once. Without those that a run before put back.
  const std::vector<Letter>& letters() const { return letters_; }
  // Each has been delivered, or is among the dead letters again. Throws SystemError.
  void done();

 private:
  const std::string folder_;
  const std::string path_;
  UniqueFd fd_;
  std::vector<Letter> letters_;
};

}  // namespace natledger
