// SPDX-License-Identifier: GPL-2.0-or-later
// Which records a server may have without our knowing, and from which backing index on.
//
// An id is unique in one backing index. A record whose outcome is not known is sent again under the
// same id: where that gets into the index that took the last record before, 201 and 409 are exact.
// Where the stream has rolled over meanwhile, be it several times, it may be in any index from that
// one on, and those have to be asked.
//
// There are two kinds: what a run before this one may have sent, which is much and soon settled,
// and this run's own requests without an answer, which is little and may be under way for long. A
// doubt of one kind makes nothing wait for the other.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace natledger {

class Doubts {
 public:
  // Instead of an index: it is not known since when, and a record may be in any; or in one of the
  // last ones, since what is older than so many is no longer under way.
  static constexpr const char* kAnyIndex = "*";
  static constexpr const char* kRecentIndex = "+";
  static constexpr ptrdiff_t kRecentIndices = 16;

  // `since` took the last record before those that runs before may have sent, which have numbers up
  // to `up_to`, 0: none; a request of theirs may be under way until then.
  Doubts(std::string since, uint64_t up_to, TimePoint until);

  // A request is about to be sent that begins with this number: all below has an outcome.
  void begin(uint64_t first);
  // Records from `first` to `last` were sent, and nobody knows; that may be under way until then.
  void add(uint64_t first, uint64_t last, TimePoint until);
  // That index took a record of this run, or has it: what is sent from now on is there or behind.
  void took(const std::string& index) { last_ = index; }

  struct Doubt {
    std::string since;
    // Behind it, a record that is in no other index never will be.
    TimePoint until;
    // Behind it, no request can come into the place of a copy that is removed. Zero where there was
    // one request: it has come where a copy is found.
    TimePoint until_removable;
  };
  // What is doubtful of a record that is in `index`; nothing: it can be nowhere else.
  std::optional<Doubt> about(uint64_t sequence, const std::string& index) const;

  // Which backing indices there are, oldest first. Where the one to look from is not among them,
  // one is settled on now: others may follow while the doubt lasts.
  void know(const std::vector<std::string>& backing);

  // For the next run: from where on what is sent from now on, or is doubtful, can be.
  const std::string& memory() const;

 private:
  struct Sent {
    uint64_t first, last;
    std::string since;
    TimePoint until;
    bool once;  // in one request
  };

  std::vector<Sent> sent_;  // oldest first; the first is what runs before sent, while it matters
  std::string last_;
};

// Of the backing indices, oldest first, those where it can be as well: all from `since` on but the
// one that it is in. Where `since` was removed meanwhile, so was all before it.
std::vector<std::string> indices_since(const std::string& since, const std::string& index,
                                       const std::vector<std::string>& backing);

}  // namespace natledger
