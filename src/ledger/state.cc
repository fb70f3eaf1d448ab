// SPDX-License-Identifier: GPL-2.0-or-later
#include "ledger/state.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

#include "base/error.h"
#include "base/file.h"
#include "ledger/checksum.h"

namespace natledger {

namespace {

constexpr size_t kSlotBytes = 4096;  // a block each: a torn write of one cannot reach the other
constexpr std::string_view kMagic = "natledger-state 1 ";
constexpr size_t kCheckDigits = 16;

std::string check_of(std::string_view fields) { return sha256_hex(fields).substr(0, kCheckDigits); }

// The value of `key=` in a slot's text, up to the next blank.
std::string_view value_of(std::string_view text, std::string_view key) {
  const std::string wanted = " " + std::string{key} + "=";
  const size_t at = text.find(wanted);
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + wanted.size());
  return text.substr(0, text.find(' '));
}

bool number_of(std::string_view text, std::string_view key, uint64_t& value) {
  const std::string_view digits = value_of(text, key);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return error == std::errc{} && end == digits.data() + digits.size();
}

}  // namespace

std::string slot_text(const LedgerState& state, uint64_t generation) {
  std::string text{kMagic};
  text += "generation=" + std::to_string(generation);
  text += " ledger=" + state.ledger_id;
  text += " reserved_to=" + std::to_string(state.reserved_to);
  text += " boot=" + state.boot_id;
  text += state.clean ? " clean=1" : " clean=0";
  text += " last=" + std::to_string(state.last);
  text += " lines=" + std::to_string(state.lines);
  text += " kept_from=" + std::to_string(state.kept_from);
  text += " device=" + std::to_string(state.device);
  text += " inode=" + std::to_string(state.inode);
  return text + " check=" + check_of(text);
}

std::optional<Slot> parse_slot(std::string_view text) {
  if (!text.starts_with(kMagic)) return {};
  const size_t check_at = text.rfind(" check=");
  if (check_at == std::string_view::npos) return {};
  const std::string_view fields = text.substr(0, check_at);
  if (text.substr(check_at + 7, kCheckDigits) != check_of(fields)) return {};
  Slot slot{};
  uint64_t clean = 0;
  slot.state.ledger_id = value_of(fields, "ledger");
  slot.state.boot_id = value_of(fields, "boot");
  const bool whole = number_of(fields, "generation", slot.generation) &&
                     number_of(fields, "reserved_to", slot.state.reserved_to) &&
                     number_of(fields, "clean", clean) &&
                     number_of(fields, "last", slot.state.last) &&
                     number_of(fields, "device", slot.state.device) &&
                     number_of(fields, "inode", slot.state.inode);
  slot.state.clean = clean == 1;
  // Not in slots of version 0.1.0.
  number_of(fields, "lines", slot.state.lines);
  number_of(fields, "kept_from", slot.state.kept_from);
  if (!whole || slot.state.ledger_id.empty()) return {};
  return slot;
}

namespace {

struct Slots {
  std::optional<Slot> newest;  // of the good ones
  int damaged = 0;             // how many are neither empty nor good, or gone
};

Slots read_slots(std::string_view text) {
  Slots slots;
  int written = 0;
  for (; !text.empty(); text.remove_prefix(std::min(kSlotBytes, text.size()))) {
    const std::string_view block = text.substr(0, kSlotBytes);
    const auto slot = parse_slot(block);
    const bool empty = block.find_first_not_of('\0') == std::string_view::npos;
    slots.damaged += !slot && !empty ? 1 : 0;
    written += empty ? 0 : 1;
    const bool older = slots.newest && slot && slot->generation < slots.newest->generation;
    if (slot && !older) slots.newest = slot;
  }
  // They are written in turn, so only the very first stands alone.
  if (slots.newest && slots.newest->generation > 1 && written < 2) ++slots.damaged;
  return slots;
}

}  // namespace

StateReading read_state_file(const std::string& path) {
  StateReading reading;
  const auto text = read_file(path);
  if (!text) {
    reading.refused = error_text(errno);
    return reading;
  }
  const Slots slots = read_slots(*text);
  reading.damaged_slots = slots.damaged;
  if (slots.newest) reading.state = slots.newest->state;
  return reading;
}

std::optional<LedgerState> read_state(const std::string& path) {
  return read_state_file(path).state;
}

StateFile::StateFile(const std::string& path)
    : path_(path),
      fd_(open_file(path, O_RDWR | O_CREAT, 0640, "see ledger.state in the configuration")) {
  if (::flock(fd_.get(), LOCK_EX | LOCK_NB) < 0) {
    throw SystemError("lock " + path +
                      ": another natledger uses this state (give each its own ledger.state)");
  }
  check_call("set mode of " + path, ::fchmod(fd_.get(), 0640));
  const int refused = ::posix_fallocate(fd_.get(), 0, 2 * kSlotBytes);
  if (refused != 0) throw SystemError("make room for " + path, refused, "see ledger.state");
  std::array<char, 2 * kSlotBytes> text{};
  const ssize_t n = ::pread(fd_.get(), text.data(), text.size(), 0);
  if (n < 0) throw SystemError("read " + path, errno, "look at the disk");
  const Slots slots = read_slots({text.data(), static_cast<size_t>(n)});
  damaged_ = slots.damaged != 0;
  if (!slots.newest) return;
  state_ = slots.newest->state;
  generation_ = slots.newest->generation;
}

void StateFile::store(const LedgerState& state) {
  ++generation_;
  std::string text = slot_text(state, generation_);
  text.resize(kSlotBytes - 1, ' ');
  text += '\n';
  const auto at = static_cast<off_t>(generation_ % 2 * kSlotBytes);
  const ssize_t n = ::pwrite(fd_.get(), text.data(), text.size(), at);
  constexpr std::string_view kRemedy = "make room, or mend the disk; see ledger.state";
  if (n < 0) throw SystemError("write " + path_, errno, kRemedy);
  if (static_cast<size_t>(n) != text.size()) throw SystemError("write " + path_, ENOSPC, kRemedy);
  check_call("sync " + path_, ::fdatasync(fd_.get()), kRemedy);
  state_ = state;
}

}  // namespace natledger
