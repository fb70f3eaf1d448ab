// SPDX-License-Identifier: GPL-2.0-or-later
#include "ledger/state.h"

#include <utility>

namespace natledger {

namespace {

constexpr std::string_view kMagic = "natledger-state 1";

std::string fields_of(const LedgerState& state) {
  std::string text = "ledger=" + state.ledger_id;
  text += " reserved_to=" + std::to_string(state.reserved_to);
  text += " boot=" + state.boot_id;
  text += state.clean ? " clean=1" : " clean=0";
  text += " last=" + std::to_string(state.last);
  text += " lines=" + std::to_string(state.lines);
  text += " kept_from=" + std::to_string(state.kept_from);
  text += " device=" + std::to_string(state.device);
  return text + " inode=" + std::to_string(state.inode);
}

std::optional<LedgerState> parse_fields(std::string_view fields) {
  LedgerState state;
  uint64_t clean = 0;
  state.ledger_id = slot_value(fields, "ledger");
  state.boot_id = slot_value(fields, "boot");
  const bool whole =
      slot_number(fields, "reserved_to", state.reserved_to) &&
      slot_number(fields, "clean", clean) && slot_number(fields, "last", state.last) &&
      slot_number(fields, "device", state.device) && slot_number(fields, "inode", state.inode);
  state.clean = clean == 1;
  // Not in slots of version 0.1.0.
  slot_number(fields, "lines", state.lines);
  slot_number(fields, "kept_from", state.kept_from);
  if (!whole || state.ledger_id.empty()) return {};
  return state;
}

bool is_state(std::string_view fields) { return parse_fields(fields).has_value(); }

constexpr SlotFormat kFormat{kMagic, is_state};

}  // namespace

std::string slot_text(const LedgerState& state, uint64_t generation) {
  return slot_text(kFormat, {generation, fields_of(state)});
}

std::optional<Slot> parse_slot(std::string_view text) {
  const auto slot = parse_slot_text(kFormat, text);
  if (!slot) return {};
  auto state = parse_fields(slot->fields);
  if (!state) return {};
  return Slot{std::move(*state), slot->generation};
}

StateReading read_state_file(const std::string& path) {
  const SlotReading slots = read_slot_file(kFormat, path);
  StateReading reading;
  reading.refused = slots.refused;
  reading.damaged_slots = slots.damaged_slots;
  if (slots.newest) reading.state = parse_fields(slots.newest->fields);
  return reading;
}

std::optional<LedgerState> read_state(const std::string& path) {
  return read_state_file(path).state;
}

StateFile::StateFile(const std::string& path)
    : file_(path, kFormat, "ledger.state"), damaged_(file_.found().damaged_slots != 0) {
  const std::optional<SlotText>& newest = file_.found().newest;
  if (newest) state_ = parse_fields(newest->fields);
}

void StateFile::store(const LedgerState& state) {
  file_.store(fields_of(state));
  state_ = state;
}

}  // namespace natledger
