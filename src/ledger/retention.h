// SPDX-License-Identifier: GPL-2.0-or-later
// Which segments go when there are too many: the oldest, whole ones, and never the active one.
//
// The state says first from which number on segments are kept; then the files go. So a missing file
// below it is no damage, and one above it is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"
#include "ledger/ledger.h"
#include "ledger/segment.h"

namespace natledger {

class Retention {
 public:
  // `ledger` outlives this.
  Retention(Ledger& ledger, const LedgerOptions& options);

  // Whether remove_due() is to be called: so often, and where room is wanted. Costs little. Throws
  // SystemError.
  bool is_due(TimePoint at) const;
  // Removes what has to go at `at`; how many segments. Throws SystemError; what is left then goes
  // the next time.
  size_t remove_due(TimePoint at);

 private:
  // A sealed segment, and what its file says; read when it is wanted, since there may be many.
  struct Stored {
    SealedSegment segment;
    bool read = false;
    uint64_t bytes = 0;
    uint64_t disk_bytes = 0;  // what it takes of the file system
    TimePoint sealed_at;      // of an archive, when that was made
  };
  using Segments = std::vector<Stored>;

  uint64_t missing_room() const;
  // How many of the oldest each rule wants to go.
  size_t count_left_over(const Segments& segments) const;
  size_t count_old(Segments& segments, TimePoint at);
  size_t count_beyond_size(Segments& segments, TimePoint at) const;
  size_t count_for_room(Segments& segments) const;
  TimePoint newest_line(Stored& stored);
  void say_undelivered(uint64_t keep_from) const;
  void remove(const Segments& segments, size_t count) const;
  static const Stored& read(Stored& stored);
  static bool tailers_had_time(Stored& stored, TimePoint at);

  Ledger& ledger_;
  const std::string directory_;
  const std::string state_;
  const KeepOptions keep_;
  TimePoint looked_;           // when remove_due() was called last
  bool room_is_held_ = false;  // what it removed then is still open somewhere
  // The segment whose end was read last, and what it said.
  uint64_t dated_ = 0;
  TimePoint date_;
};

}  // namespace natledger
