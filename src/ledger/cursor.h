// SPDX-License-Identifier: GPL-2.0-or-later
// How far a destination has come with a ledger, and what became of each number until there.
//
//   <state>/cursors/<destination>, a slot_file.h of
//   natledger-cursor 1 next=1834222 delivered=... duplicate=... dead=... passed=... missing=...
//   memory=<what the destination remembers>
//
// The books: each number below `next` is one of these five. `missing` are numbers that no line
// has: skipped ranges, torn lines, and lines that were removed before they were delivered, which
// are counted in `lost` as well.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/slot_file.h"

namespace natledger {

struct Cursor {
  uint64_t next = 1;       // no number below it is to be delivered any more
  uint64_t delivered = 0;  // the destination took it from us
  uint64_t duplicate = 0;  // it had it already
  uint64_t dead = 0;       // it refused it for good: a dead letter
  uint64_t passed = 0;     // not selected
  uint64_t missing = 0;    // no line has that number
  uint64_t lost = 0;       // of these, lines that were removed first
  std::string memory;      // the destination's own, without blanks; up to kMostMemory bytes

  static constexpr size_t kMostMemory = 1024;

  // The number below `next` that are accounted for.
  uint64_t accounted() const { return delivered + duplicate + dead + passed + missing; }
  bool balances() const { return accounted() + 1 == next; }
  bool operator==(const Cursor&) const = default;
};

// The counts of a cursor, as its file calls them and as people read them.
struct CursorCount {
  std::string_view key;
  std::string_view name;
  uint64_t Cursor::*member;
};
inline constexpr CursorCount kCursorCounts[] = {
    {"delivered", "delivered", &Cursor::delivered}, {"duplicate", "duplicate", &Cursor::duplicate},
    {"dead", "dead_lettered", &Cursor::dead},       {"passed", "not_selected", &Cursor::passed},
    {"missing", "missing", &Cursor::missing},       {"lost", "lost", &Cursor::lost},
};

// The folder of the cursors in a ledger's state.
std::string cursor_folder(const std::string& state);

class CursorFile {
 public:
  // Opens or makes it, and locks it. Throws SystemError, also when both slots are damaged: where to
  // go on from would be a guess that doubles or loses records.
  CursorFile(const std::string& state, const std::string& destination);

  const Cursor& cursor() const { return cursor_; }
  // Nothing was ever stored.
  bool is_new() const { return !file_.found().newest; }
  // Durable when it returns. Throws SystemError.
  void store(const Cursor& cursor);

 private:
  SlotFile file_;
  Cursor cursor_;
};

struct NamedCursor {
  std::string destination;
  Cursor cursor;
};
// The first number that a destination is still to get, 1 for one that is not known.
uint64_t next_to_ship(const std::string& state, std::string_view destination);
// The last number that a destination is done with; 0: none.
uint64_t last_shipped(const std::string& state);
// All cursors of a ledger that can be read, by name. Others may be writing them.
std::vector<NamedCursor> read_cursors(const std::string& state);

}  // namespace natledger
