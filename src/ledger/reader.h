// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the lines of a ledger in the order of their sequences, while an agent may be writing it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"

namespace natledger {

struct LedgerLine {
  std::string_view text;  // without its '\n'; valid until the next call of next()
  uint64_t sequence = 0;
};

class LedgerReader {
 public:
  // Opens every segment that is there now. Throws SystemError when the directory has none, or
  // something cannot be read. Needs no lock and writes nothing.
  explicit LedgerReader(const std::string& directory);

  // False at the end of what is written now; a later call may find more in the active segment.
  // Throws SystemError when a segment cannot be read.
  bool next(LedgerLine& line);

  // Lines that were no whole records.
  uint64_t torn_lines() const { return torn_lines_; }

 private:
  struct Segment {
    std::string path;
    UniqueFd fd;
    bool active;
  };

  bool take_line(LedgerLine& line);
  bool fill();

  std::vector<Segment> segments_;
  size_t segment_ = 0;
  std::string buffer_;
  size_t at_ = 0;
  uint64_t torn_lines_ = 0;
};

}  // namespace natledger
