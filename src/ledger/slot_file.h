// SPDX-License-Identifier: GPL-2.0-or-later
// A small memory that survives a power cut in the middle of being written.
//
// Two checksummed slots in one preallocated file, written in turn, so that what tears one leaves
// the other. Each is a line of text in a block of its own:
//   <magic> generation=7 <fields> check=<16 hex digits of SHA-256>
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/unique_fd.h"

namespace natledger {

struct SlotText {
  uint64_t generation = 0;
  std::string fields;  // "key=value key=value ..."
};

// What a file's slots are.
struct SlotFormat {
  std::string_view magic;
  bool (*is_good)(std::string_view fields);
};

// The text of one slot, without padding, and back. Nothing when it is not good.
std::string slot_text(const SlotFormat& format, const SlotText& slot);
std::optional<SlotText> parse_slot_text(const SlotFormat& format, std::string_view text);

// The value of a key of `fields`, up to the next blank; nothing, or false, when there is none.
std::string_view slot_value(std::string_view fields, std::string_view key);
bool slot_number(std::string_view fields, std::string_view key, uint64_t& value);

struct SlotReading {
  std::optional<SlotText> newest;  // of the good slots
  int damaged_slots = 0;           // neither empty nor good, or gone
  std::string refused;             // why the file cannot be read; empty when it can
};
SlotReading read_slots(const SlotFormat& format, std::string_view bytes);
// Of a file that another process may be writing.
SlotReading read_slot_file(const SlotFormat& format, const std::string& path);

class SlotFile {
 public:
  // Opens the file, or makes it, and locks it against other processes. `option`: what names its
  // folder in the configuration. Throws SystemError.
  SlotFile(const std::string& path, const SlotFormat& format, std::string_view option);

  // What the file held when it was opened.
  const SlotReading& found() const { return found_; }

  // Durable when it returns. Throws SystemError.
  void store(std::string_view fields);

 private:
  const std::string path_;
  const SlotFormat format_;
  const std::string_view option_;
  UniqueFd fd_;
  SlotReading found_;
  uint64_t generation_ = 0;
};

}  // namespace natledger
