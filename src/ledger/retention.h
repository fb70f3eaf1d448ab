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
  struct Stored {
    SealedSegment segment;
    std::vector<std::string> paths;  // of all its files, its own last
    uint64_t bytes = 0;              // of the segment, or its archive
    uint64_t disk_bytes = 0;         // what its files take
    TimePoint sealed_at;             // unless it is archived
  };

  uint64_t missing_room() const;
  std::vector<Stored> list() const;
  // How many of the oldest each rule wants to go.
  size_t count_left_over(const std::vector<Stored>& stored) const;
  size_t count_old(const std::vector<Stored>& stored, TimePoint at);
  size_t count_beyond_size(const std::vector<Stored>& stored, TimePoint at) const;
  size_t count_for_room(const std::vector<Stored>& stored) const;
  static bool is_read(const Stored& stored, TimePoint at);
  TimePoint newest_line(const Stored& stored);
  void remove(const std::vector<Stored>& stored, size_t count);

  Ledger& ledger_;
  const std::string directory_;
  const KeepOptions keep_;
  TimePoint looked_;           // when remove_due() was called last
  bool room_is_held_ = false;  // what it removed then is still open somewhere
  // The segment whose end was read last, and what it said.
  uint64_t dated_ = 0;
  TimePoint date_;
};

}  // namespace natledger
