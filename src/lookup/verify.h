// SPDX-License-Identifier: GPL-2.0-or-later
// Whether a ledger keeps every promise that docs/ledger-format.md makes, line by line.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/checksum.h"
#include "ledger/seal.h"
#include "ledger/segment_stream.h"
#include "ledger/state.h"
#include "lookup/index_check.h"
#include "lookup/record.h"

namespace natledger {

struct VerifyReport {
  uint64_t segments = 0;  // archives and the active one included
  uint64_t archives = 0;
  uint64_t bytes = 0;  // of all segments, decompressed
  uint64_t first = 0;  // sequences
  uint64_t last = 0;
  uint64_t lines = 0;
  uint64_t skipped = 0;         // numbers that no line has, as a line says
  uint64_t torn_lines = 0;      // at the ends of segments: what a kill or a power cut leaves
  uint64_t seals = 0;           // segments whose bytes are those that were sealed
  uint64_t indexes = 0;         // that say what their segments say, or are damaged
  std::vector<Damage> damages;  // the first kMostDamages
  uint64_t damage_count = 0;
  std::vector<std::string> notes;  // what is no damage, and worth knowing

  static constexpr size_t kMostDamages = 100;
  bool whole() const { return damage_count == 0; }
};

// Reads segments in their order. The ledger may be in use: what the agent has not ended yet is no
// torn line.
class Verifier {
 public:
  explicit Verifier(bool in_use) : in_use_(in_use) {}

  // Throws SystemError when the disk refuses.
  void read(SegmentStream stream, std::string_view name, bool active,
            const std::function<void(uint64_t bytes)>& progress);
  // A segment, or the state, that cannot be read.
  void unreadable(const std::string& path, const std::string& why);
  // Once, behind the last segment: against what the ledger's state said all the while.
  void check_state(const LedgerState& state, const std::string& path);
  void check_mark(uint64_t written_end, uint64_t given_up, const std::string& path);
  void note(std::string text) { report_.notes.push_back(std::move(text)); }

  const VerifyReport& report() const { return report_; }

 private:
  // One segment, while it is read and after.
  struct Present {
    std::string path;
    SegmentSeal facts;
    uint64_t at = 0;  // of the next line
    int lines = 0;
    bool sealed_before = false;  // its beginning tells of the segment before
    bool begins_with_skip = false;
    bool damaged = false;  // part of it could not be read
    uint64_t torn_at = 0;
    bool torn = false;
  };
  // What an agent has written since its start.
  struct Run {
    bool seen_from_start = false;
    uint64_t flows = 0;
  };

  void read_line(std::string_view line);
  void check_first_number(uint64_t sequence, const CoverageLine* coverage);
  void check_number(uint64_t sequence, const CoverageLine* coverage);
  void check_id(std::string_view line, uint64_t sequence);
  void check_seal(const SegmentSeal& seal);
  void check_books(std::string_view line, const LedgerRecord& record);
  void end_segment(bool active, std::string_view rest);
  void check_index(bool active);
  void check_beginning(bool active);
  // `at` is a byte of the segment, archived or not.
  void damage(uint64_t at, std::string what);
  void damage(const std::string& path, uint64_t at, std::string what);

  const bool in_use_;
  VerifyReport report_;
  Present present_;
  std::optional<Present> before_;
  std::string ledger_id_;
  std::string oldest_;  // the path of the first segment
  Run run_;
  IndexCheck index_check_;
};

// All of the ledger in `directory`, with its state in `state`. Throws SystemError when there is
// none or it cannot be read.
VerifyReport verify_ledger(const std::string& directory, const std::string& state,
                           const std::function<void(uint64_t bytes)>& progress);

std::string verify_text(const VerifyReport& report, const std::string& directory);
std::string verify_json(const VerifyReport& report);

}  // namespace natledger
