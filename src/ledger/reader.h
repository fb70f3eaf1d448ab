// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the lines of a ledger in the order of their sequences, while an agent may be writing it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/segment_stream.h"

namespace natledger {

struct LedgerLine {
  std::string_view text;  // without its '\n'; valid until the next call of next()
  uint64_t sequence = 0;
};

class LedgerReader {
 public:
  // Reads the segments that are there now, archives too. Throws SystemError when the directory has
  // none, or something cannot be read. Needs no lock and writes nothing. Segments that have no line
  // from `from` on are passed over; within the first of the others earlier lines are given too.
  explicit LedgerReader(const std::string& directory, uint64_t from = 0);

  // False at the end of what is written now; a later call may find more in the active segment.
  // Throws SystemError when a segment cannot be read.
  bool next(LedgerLine& line);
  // When next() has come to the end: whether the active segment was sealed, so that next() goes on
  // with what is left of it and with the segments behind.
  bool advance();

  // Lines that were no whole records.
  uint64_t torn_lines() const { return torn_lines_; }
  // Parts of archives that could not be read since the last call; their numbers are missing.
  std::vector<Damage> take_damages();

 private:
  bool take_line(LedgerLine& line);
  void leave_segment();
  void open_next();

  void take_files(LedgerFiles files);

  const std::string directory_;
  std::vector<SealedSegment> sealed_;  // those to be read, the next at next_sealed_
  size_t next_sealed_ = 0;
  uint64_t last_sequence_ = 0;           // of the lines read
  uint64_t last_name_ = 0;               // of the sealed segments opened
  std::optional<SegmentStream> active_;  // opened at once: it may be renamed meanwhile
  std::optional<SegmentStream> stream_;  // what is being read
  bool last_ = false;                    // that is the newest segment
  std::vector<Damage> damages_;          // of segments that were left, not yet taken
  size_t taken_damages_ = 0;             // of the one being read
  std::string buffer_;
  size_t at_ = 0;
  uint64_t torn_lines_ = 0;
};

}  // namespace natledger
