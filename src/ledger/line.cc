// SPDX-License-Identifier: GPL-2.0-or-later
// The keys are looked for as text: an unescaped quote before the name cannot stand within a JSON
// string, so the text cannot be anything but the key.
#include "ledger/line.h"

#include <charconv>
#include <cstring>

namespace natledger {

namespace {

// What stands after `"key":`, blanks skipped; empty when the key is absent.
std::string_view value_at(std::string_view line, std::string_view quoted_key) {
  const void* found = ::memmem(line.data(), line.size(), quoted_key.data(), quoted_key.size());
  if (found == nullptr) return {};
  const auto at = static_cast<size_t>(static_cast<const char*>(found) - line.data());
  line.remove_prefix(at + quoted_key.size());
  while (line.starts_with(' ')) line.remove_prefix(1);
  return line;
}

}  // namespace

uint64_t sequence_of(std::string_view line) {
  if (!line.starts_with('{') || !line.ends_with('}')) return 0;
  if (std::memchr(line.data(), '\0', line.size()) != nullptr) return 0;
  const uint64_t sequence = number_in(line, "\"event.sequence\":");
  // No ledger counts so far; a number that does would make the next ones begin again.
  return sequence <= kMostSequence ? sequence : 0;
}

bool is_closed_object(std::string_view line) {
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quoted) {
      if (c == '\\') ++i;
      if (c == '"') quoted = false;
      continue;
    }
    if (c == '"') quoted = true;
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (depth == 0) return c == '}' && i + 1 == line.size();
  }
  return false;
}

TimePoint time_of(std::string_view line) {
  return parse_rfc3339(text_in(line, "\"@timestamp\":")).value_or(TimePoint{});
}

TimePoint inferred_at(std::string_view line) {
  if (text_in(line, "\"event.reason\":") != "inferred") return {};
  return parse_rfc3339(text_in(line, "\"flow.start.not_after\":")).value_or(TimePoint{});
}

std::string_view id_of(std::string_view line) { return text_in(line, "\"event.id\":"); }

std::string_view text_in(std::string_view line, std::string_view quoted_key) {
  std::string_view value = value_at(line, quoted_key);
  if (!value.starts_with('"')) return {};
  value.remove_prefix(1);
  const size_t end = value.find('"');
  return end == std::string_view::npos ? std::string_view{} : value.substr(0, end);
}

uint64_t number_in(std::string_view line, std::string_view quoted_key) {
  const std::string_view value = value_at(line, quoted_key);
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  return error == std::errc{} ? number : 0;
}

}  // namespace natledger
