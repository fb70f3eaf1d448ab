// SPDX-License-Identifier: GPL-2.0-or-later
#include "ledger/slot_file.h"

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
constexpr size_t kCheckDigits = 16;
constexpr std::string_view kCheck = " check=";

std::string check_of(std::string_view text) { return sha256_hex(text).substr(0, kCheckDigits); }

std::string see(std::string_view option) { return "see " + std::string{option}; }

}  // namespace

std::string_view slot_value(std::string_view fields, std::string_view key) {
  while (!fields.empty()) {
    const std::string_view field = fields.substr(0, fields.find(' '));
    if (field.starts_with(key) && field.substr(key.size()).starts_with('=')) {
      return field.substr(key.size() + 1);
    }
    fields.remove_prefix(std::min(field.size() + 1, fields.size()));
  }
  return {};
}

bool slot_number(std::string_view fields, std::string_view key, uint64_t& value) {
  const std::string_view digits = slot_value(fields, key);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return error == std::errc{} && end == digits.data() + digits.size();
}

std::string slot_text(const SlotFormat& format, const SlotText& slot) {
  const std::string text = std::string{format.magic} +
                           " generation=" + std::to_string(slot.generation) + " " + slot.fields;
  return text + std::string{kCheck} + check_of(text);
}

std::optional<SlotText> parse_slot_text(const SlotFormat& format, std::string_view text) {
  const size_t check_at = text.rfind(kCheck);
  if (!text.starts_with(format.magic) || check_at == std::string_view::npos) return {};
  const std::string_view checked = text.substr(0, check_at);
  if (text.substr(check_at + kCheck.size(), kCheckDigits) != check_of(checked)) return {};
  std::string_view fields = checked.substr(format.magic.size());
  fields.remove_prefix(std::min(fields.find_first_not_of(' '), fields.size()));
  SlotText slot;
  if (!slot_number(fields, "generation", slot.generation)) return {};
  fields.remove_prefix(std::min(fields.find(' '), fields.size() - 1) + 1);
  if (!format.is_good(fields)) return {};
  slot.fields = fields;
  return slot;
}

SlotReading read_slots(const SlotFormat& format, std::string_view bytes) {
  SlotReading slots;
  int written = 0;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(kSlotBytes, bytes.size()))) {
    const std::string_view block = bytes.substr(0, kSlotBytes);
    auto slot = parse_slot_text(format, block);
    const bool empty = block.find_first_not_of('\0') == std::string_view::npos;
    slots.damaged_slots += !slot && !empty ? 1 : 0;
    written += empty ? 0 : 1;
    const bool older = slots.newest && slot && slot->generation < slots.newest->generation;
    if (slot && !older) slots.newest = std::move(slot);
  }
  // They are written in turn, so only the very first stands alone.
  if (slots.newest && slots.newest->generation > 1 && written < 2) ++slots.damaged_slots;
  return slots;
}

SlotReading read_slot_file(const SlotFormat& format, const std::string& path) {
  const auto bytes = read_file(path);
  if (bytes) return read_slots(format, *bytes);
  SlotReading reading;
  reading.refused = error_text(errno);
  return reading;
}

SlotFile::SlotFile(const std::string& path, const SlotFormat& format, std::string_view option)
    : path_(path),
      format_(format),
      option_(option),
      fd_(open_file(path, O_RDWR | O_CREAT, 0640, see(option) + " in the configuration")) {
  if (::flock(fd_.get(), LOCK_EX | LOCK_NB) < 0) {
    throw SystemError("lock " + path + ": another natledger uses this state (give each its own " +
                      std::string{option} + ")");
  }
  check_call("set mode of " + path, ::fchmod(fd_.get(), 0640));
  const int refused = ::posix_fallocate(fd_.get(), 0, 2 * kSlotBytes);
  if (refused != 0) throw SystemError("make room for " + path, refused, see(option));
  std::array<char, 2 * kSlotBytes> text{};
  const ssize_t n = ::pread(fd_.get(), text.data(), text.size(), 0);
  if (n < 0) throw SystemError("read " + path, errno, "look at the disk");
  found_ = read_slots(format, {text.data(), static_cast<size_t>(n)});
  if (found_.newest) generation_ = found_.newest->generation;
}

void SlotFile::store(std::string_view fields) {
  ++generation_;
  std::string text = slot_text(format_, {generation_, std::string{fields}});
  check(text.size() < kSlotBytes, "what a slot is to hold is longer than a slot");
  text.resize(kSlotBytes - 1, ' ');
  text += '\n';
  const auto at = static_cast<off_t>(generation_ % 2 * kSlotBytes);
  const ssize_t n = ::pwrite(fd_.get(), text.data(), text.size(), at);
  const std::string remedy = "make room, or mend the disk; " + see(option_);
  if (n < 0) throw SystemError("write " + path_, errno, remedy);
  if (static_cast<size_t>(n) != text.size()) throw SystemError("write " + path_, ENOSPC, remedy);
  check_call("sync " + path_, ::fdatasync(fd_.get()), remedy);
}

}  // namespace natledger
