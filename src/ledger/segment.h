// SPDX-License-Identifier: GPL-2.0-or-later
// The files of a ledger's directory: their names, and what the end of one says.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "base/unique_fd.h"

namespace natledger {

// The active segment; its path never changes, so that a tailer finds it.
inline constexpr std::string_view kActiveName = "conntrack.json";

// "conntrack-0000000000001834221.json": a sealed segment, named by its first sequence. 19 digits,
// so that names sort; they match the tailers' glob conntrack*.json and never repeat.
std::string sealed_name(uint64_t first_sequence);

// 0 for the name of anything but a sealed segment.
uint64_t sequence_in_name(std::string_view name);

// An archive is named like its segment, and ends in this.
inline constexpr std::string_view kArchiveEnd = ".zst";

struct SealedSegment {
  uint64_t first_sequence;
  std::string path;
  bool archived = false;
};

// The sealed segments of a directory, oldest first; where a segment and its archive are both there,
// the segment. Throws SystemError.
std::vector<SealedSegment> list_sealed(const std::string& directory);

// What a segment's bytes say, read from both ends.
struct SegmentTail {
  uint64_t first_sequence = 0;  // of its whole lines; 0: it has none
  uint64_t last_sequence = 0;
  TimePoint first_time;  // @timestamp of the first whole line
  TimePoint last_time;   // the same of the last; of an inferred start when the flow was found
  std::string last_id;   // event.id of the last whole line
  uint64_t bytes = 0;
  uint64_t torn_bytes = 0;  // behind the last whole line
  bool ends_in_newline = true;
  dev_t device = 0;
  ino_t inode = 0;
};

// What somebody does who cannot read a ledger.
inline constexpr std::string_view kReadRemedy =
    "give the ledger's directory; root and ledger.group may read it";

// Opens a segment to be read; an empty descriptor when there is none. Throws SystemError when it
// cannot be read, or is no file: a pipe would be waited for.
UniqueFd open_segment(const std::string& path);

// Whether an open file is the one of that name now.
bool is_file_at(int fd, const std::string& path);

// What there is to read, while an agent may be writing.
struct LedgerFiles {
  std::vector<SealedSegment> sealed;  // oldest first
  UniqueFd active;                    // empty: there is none, or it was sealed while we looked
  std::string active_path;
};
// Throws SystemError when the directory holds no segment, or cannot be read.
LedgerFiles list_ledger(const std::string& directory);

// A sealed segment, open; or its archive, if it was archived since it was listed.
struct OpenSegment {
  UniqueFd fd;  // empty: it has gone
  std::string path;
  bool archived = false;
};
// Throws SystemError when it cannot be read.
OpenSegment open_sealed(const SealedSegment& sealed);

// The number of the newest whole line, 0 where there is none yet. Throws SystemError.
uint64_t last_number(const std::string& directory);
// The end of the newest of these that has a whole line; numbers grow from segment to segment.
SegmentTail newest_tail(const std::vector<SealedSegment>& sealed);

// Throw SystemError when the file cannot be read, or is not there. Of an archive they give what is
// not damaged, without device and inode.
SegmentTail read_tail(const std::string& path);
SegmentTail read_tail(const SealedSegment& sealed);
SegmentTail read_tail(const OpenSegment& open);

}  // namespace natledger
