// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/quantity.h"

#include <array>
#include <charconv>

namespace natledger {

namespace {

struct Unit {
  std::string_view name;
  uint64_t bytes;
};
constexpr std::array kUnits{
    Unit{"TiB", uint64_t{1} << 40},
    Unit{"GiB", uint64_t{1} << 30},
    Unit{"MiB", uint64_t{1} << 20},
    Unit{"KiB", uint64_t{1} << 10},
};

}  // namespace

std::optional<uint64_t> parse_size(std::string_view text) {
  uint64_t scale = 1;
  for (const Unit& unit : kUnits) {
    if (!text.ends_with(unit.name)) continue;
    text.remove_suffix(unit.name.size());
    scale = unit.bytes;
    break;
  }
  const auto count = parse_count(text);
  if (!count || *count > UINT64_MAX / scale) return {};
  return *count * scale;
}

std::string size_text(uint64_t bytes) {
  for (const Unit& unit : kUnits) {
    if (bytes != 0 && bytes % unit.bytes == 0) {
      return std::to_string(bytes / unit.bytes).append(unit.name);
    }
  }
  return std::to_string(bytes);
}

std::optional<uint64_t> parse_count(std::string_view text) {
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    text.remove_prefix(2);
    base = 16;
  }
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

}  // namespace natledger
