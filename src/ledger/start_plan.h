// SPDX-License-Identifier: GPL-2.0-or-later
// How a ledger goes on: the pure decision, made from what was found on disk.
//
// Two promises hang on it. No number is ever used for two different lines, since Elasticsearch
// would swallow the second. And nothing is ever appended to a file that an unclean stop may have
// torn, since a tailer may have read the torn half.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "ledger/segment.h"
#include "ledger/state.h"

namespace natledger {

// Numbers reserved at a time. A power cut skips at most so many, and so many more where a slot of
// the state is lost too.
inline constexpr uint64_t kReserveStep = 1 << 20;

// The boot id of a kernel that does not say it: never the same boot.
inline constexpr std::string_view kUnknownBoot = "unknown";

struct LedgerFound {
  std::string boot_id;               // of the running kernel
  std::optional<LedgerState> state;  // nothing: never written, or damaged
  std::optional<SegmentTail> active;
  uint64_t last_sealed = 0;       // the last whole line of all sealed segments
  uint64_t last_sealed_name = 0;  // the greatest number that names one
  dev_t sealed_device = 0;        // of the file of that name, unless it is an archive
  ino_t sealed_inode = 0;
  uint64_t shipped_to = 0;   // a destination is done with the numbers up to it
  bool slot_lost = false;    // one of the state's, which may have been its newest
  uint64_t written_end = 0;  // lines below it were written, or never will be; 0: nothing says it
};

struct StartPlan {
  enum class Before : uint8_t {
    kNothing,    // the first start
    kCleanStop,  // the last agent stopped in good order; every line is here
    kKilled,     // it died, the machine did not: every line it wrote is here
    kUnknown,    // the machine went down, files were restored or damaged: lines may be lost
  };
  enum class Active : uint8_t {
    kMake,    // there is none
    kAppend,  // go on in it
    kRemove,  // it is empty
    kSeal,    // rename it to sealed_name(seal_as)
  };

  Before before = Before::kNothing;
  Active active = Active::kMake;
  uint64_t seal_as = 0;
  uint64_t next = 1;  // the first number to use
  // Numbers that no line here has and none will have; 0: none. The first record says so.
  uint64_t skipped_from = 0;
  uint64_t skipped_to = 0;
};

StartPlan plan_start(const LedgerFound& found);

}  // namespace natledger
