// SPDX-License-Identifier: GPL-2.0-or-later
// Makes what is missing or damaged of the indexes and tables of open flows beside segments.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ledger/index_builder.h"
#include "ledger/index_line.h"
#include "ledger/segment.h"

namespace natledger {

class Indexer {
 public:
  // The active segment is indexed when so much of it is not yet.
  static constexpr uint64_t kActiveStepBytes = 8 << 20;

  Indexer(std::string directory, ReadFacts read, uint64_t active_step_bytes = kActiveStepBytes);

  // Indexes the oldest segment that needs it, or what the active one has grown by; false when
  // nothing does, or `go_on`, asked every few milliseconds, says so. Throws SystemError when a
  // segment cannot be indexed; those behind it are not either then.
  bool index_next(const std::function<bool()>& go_on);

  // Reads all of one index, each time of another segment. One that is damaged is removed, so that
  // index_next() makes it again; what was wrong with it is returned.
  std::string check_one();

 private:
  // What to make of which segment.
  struct Job {
    uint64_t first;  // the number in its name
    OpenSegment segment;
    bool whole = true;            // it is sealed
    bool with_table = true;       // the table too
    const SealedSegment* before;  // null: it is the oldest
  };

  bool is_indexed(const SealedSegment& sealed);
  bool has_table(uint64_t first) const;
  bool index_active(const SealedSegment* before, const std::function<bool()>& go_on);
  bool make(Job job, const std::function<bool()>& go_on);
  std::vector<OpenEntry> go_on_from(const Job& job, IndexBuilder& builder, uint64_t& from) const;
  void remove_idle(const std::vector<SealedSegment>& sealed) const;

  const std::string directory_;
  const ReadFacts read_;
  const uint64_t active_step_bytes_;
  std::set<uint64_t> indexed_;  // sealed segments, by their name
  uint64_t checked_ = 0;        // the one whose index was checked last
};

}  // namespace natledger
