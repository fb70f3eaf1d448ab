// SPDX-License-Identifier: GPL-2.0-or-later
// A coverage record: what the ledger does and does not hold, said within the ledger itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace natledger {

struct CoverageCounts {
  uint64_t received = 0;
  uint64_t flows = 0;
  uint64_t ignored = 0;
  uint64_t malformed = 0;
  uint64_t duplicate = 0;
  uint64_t filtered = 0;
  uint64_t dropped = 0;
};

struct CoverageRecord {
  std::string action;  // "coverage-start" ...
  TimePoint at;
  uint64_t sequence = 0;
  std::string id;        // event.id
  std::string observer;  // empty: none
  // Each is left out when it has no value.
  TimePoint from;
  TimePoint to;
  std::string reason;
  std::optional<uint64_t> dropped;
  std::optional<bool> dropped_exact;
  std::optional<uint64_t> from_sequence;
  std::optional<uint64_t> to_sequence;
  std::vector<std::string> events;
  std::optional<int> sysctl_acct;
  std::optional<int> sysctl_timestamp;
  std::optional<int> sysctl_events;
  std::string kernel;
  std::string boot_id;
  std::string version;
  std::optional<bool> clock_synchronised;
  std::optional<int64_t> clock_error_ns;
  std::optional<int64_t> clock_step_ns;
  std::optional<uint64_t> live_flows;
  std::optional<uint64_t> open_from_sequence;
  std::optional<uint64_t> carried_over;
  std::optional<CoverageCounts> counts;
  std::string segment_name;  // of a seal, with the five below
  uint64_t segment_first = 0;
  uint64_t segment_last = 0;
  uint64_t segment_bytes = 0;
  std::string segment_sha256;
  std::string segment_previous;
};

// The line, its '\n' included. Every key has a row in the field table.
std::string encode_coverage(const CoverageRecord& record);

}  // namespace natledger
