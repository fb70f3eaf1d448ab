// SPDX-License-Identifier: GPL-2.0-or-later
// The ledger's memory beside its lines: who it is, and which sequences it may have used.
//
// A slot_file.h, of
//   natledger-state 1 generation=7 ledger=9f3ac2d4e5b1 reserved_to=2097152 boot=<uuid> clean=0
//   last=0 lines=0 kept_from=0 device=65024 inode=1234 check=<16 hex digits of SHA-256>
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "ledger/slot_file.h"

namespace natledger {

struct LedgerState {
  std::string ledger_id;     // 12 hex digits, drawn once
  uint64_t reserved_to = 0;  // no number above it has been used
  std::string boot_id;       // of the kernel that the agent last ran on
  bool clean = false;        // the agent stopped in good order, after `last`
  uint64_t last = 0;         // no number up to this one is to be used any more
  uint64_t lines = 0;        // the last start, or a clean stop, saw lines up to this number
  uint64_t kept_from = 0;    // segments named by a lower number may have been removed
  uint64_t device = 0;       // of the active segment
  uint64_t inode = 0;

  bool operator==(const LedgerState&) const = default;
};

class StateFile {
 public:
  // Opens the file, or makes it, and locks it against other agents. Throws SystemError.
  explicit StateFile(const std::string& path);

  // The newest good slot; nothing in a new file, or when both are damaged.
  const std::optional<LedgerState>& state() const { return state_; }
  // Whether a slot was neither empty nor good, or is gone.
  bool damaged() const { return damaged_; }

  // Durable when it returns. Throws SystemError.
  void store(const LedgerState& state);

 private:
  SlotFile file_;
  std::optional<LedgerState> state_;
  const bool damaged_;
};

// A state file that another process may be writing.
struct StateReading {
  std::optional<LedgerState> state;  // of the newest good slot
  int damaged_slots = 0;             // neither empty nor good, or gone
  std::string refused;               // why the file cannot be read; empty when it can
};
StateReading read_state_file(const std::string& path);
std::optional<LedgerState> read_state(const std::string& path);

// The text of one slot, without padding, and back. Nothing when it is not good.
std::string slot_text(const LedgerState& state, uint64_t generation);
struct Slot {
  LedgerState state;
  uint64_t generation;
};
std::optional<Slot> parse_slot(std::string_view text);

}  // namespace natledger
