// SPDX-License-Identifier: GPL-2.0-or-later
#include "ledger/cursor.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>

#include "base/error.h"
#include "base/file.h"

namespace natledger {

namespace {

constexpr std::string_view kMagic = "natledger-cursor 1";

std::string fields_of(const Cursor& cursor) {
  std::string fields = "next=" + std::to_string(cursor.next) + " ";
  for (const CursorCount& count : kCursorCounts) {
    fields += std::string{count.key} + "=" + std::to_string(cursor.*count.member) + " ";
  }
  return fields + "memory=" + cursor.memory;
}

std::optional<Cursor> parse_fields(std::string_view fields) {
  Cursor cursor;
  if (!slot_number(fields, "next", cursor.next)) return {};
  for (const CursorCount& count : kCursorCounts) {
    if (!slot_number(fields, count.key, cursor.*count.member)) return {};
  }
  cursor.memory = slot_value(fields, "memory");
  return cursor;
}

bool is_cursor(std::string_view fields) { return parse_fields(fields).has_value(); }

constexpr SlotFormat kFormat{kMagic, is_cursor};

std::optional<Cursor> cursor_of(const SlotReading& reading) {
  if (!reading.newest) return {};
  return parse_fields(reading.newest->fields);
}

std::string path_of(const std::string& state, const std::string& destination) {
  const std::string folder = cursor_folder(state);
  make_folders(folder, "see ledger.state in the configuration");
  return folder + "/" + destination;
}

}  // namespace

std::string cursor_folder(const std::string& state) { return state + "/cursors"; }

CursorFile::CursorFile(const std::string& state, const std::string& destination)
    : file_(path_of(state, destination), kFormat, "ledger.state") {
  const SlotReading& found = file_.found();
  if (const auto cursor = cursor_of(found)) {
    cursor_ = *cursor;
  } else if (found.damaged_slots != 0) {
    throw SystemError("read the cursor " + cursor_folder(state) + "/" + destination +
                      ": both of its slots are damaged (restore it, or remove it: then the whole "
                      "ledger is delivered anew)");
  }
}

void CursorFile::store(const Cursor& cursor) {
  check(cursor.balances(), "the books of a cursor do not balance");
  check(cursor.memory.size() <= Cursor::kMostMemory && cursor.memory.find(' ') == std::string::npos,
        "a destination's memory is no word, or too long");
  file_.store(fields_of(cursor));
  cursor_ = cursor;
}

uint64_t next_to_ship(const std::string& state, std::string_view destination) {
  for (const NamedCursor& named : read_cursors(state)) {
    if (named.destination == destination) return named.cursor.next;
  }
  return 1;
}

uint64_t last_shipped(const std::string& state) {
  uint64_t last = 0;
  for (const NamedCursor& each : read_cursors(state)) last = std::max(last, each.cursor.next - 1);
  return last;
}

std::vector<NamedCursor> read_cursors(const std::string& state) {
  std::vector<NamedCursor> cursors;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator{cursor_folder(state), none}) {
    const auto cursor = cursor_of(read_slot_file(kFormat, entry.path().string()));
    if (cursor) cursors.push_back({entry.path().filename().string(), *cursor});
  }
  std::ranges::sort(cursors, {}, &NamedCursor::destination);
  return cursors;
}

}  // namespace natledger
