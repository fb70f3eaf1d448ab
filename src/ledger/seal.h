// SPDX-License-Identifier: GPL-2.0-or-later
// The chain: what the first line of a segment says of the segment before it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/segment.h"

namespace natledger {

struct SegmentSeal {
  std::string name;    // as sealed, without .zst
  uint64_t first = 0;  // numbers of its whole lines; 0: it has none
  uint64_t last = 0;
  uint64_t bytes = 0;    // of the whole file, torn lines too
  std::string sha256;    // of these bytes, 64 hex digits
  std::string previous;  // what the segment's own first line says of the one before; may be empty

  bool operator==(const SegmentSeal&) const = default;
};

// Reads all of the newest segment. Nothing when part of it is damaged, or it has gone. If it says
// nothing of the one before, being torn from the start, that one is read too. Throws SystemError
// when the disk refuses.
std::optional<SegmentSeal> describe_newest(const std::vector<SealedSegment>& sealed);

// What the beginning of a segment says: its first line, or the one behind a `sequence-skipped`.
std::optional<SegmentSeal> seal_at_front(std::string_view text);

// What a line says; nothing when it is no `segment-sealed`.
std::optional<SegmentSeal> seal_in(std::string_view line);

}  // namespace natledger
