// SPDX-License-Identifier: GPL-2.0-or-later
// Appending numbers and literals to a buffer that has room: the innermost loop of the encoder.
//
// Each function writes at `out` and returns the end of what it wrote; the caller guarantees the
// room, which the comment of each states.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace natledger {

// Two decimal digits for each of 0..99.
inline constexpr auto kDigitPairs = [] {
  struct {
    char at[200];
  } pairs{};
  for (int i = 0; i < 100; ++i) {
    pairs.at[2 * i] = static_cast<char>('0' + i / 10);
    pairs.at[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}();

inline char* append_text(char* out, std::string_view text) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

// `value` below 100, as two digits.
inline char* append_two(char* out, unsigned value) {
  std::memcpy(out, &kDigitPairs.at[2 * value], 2);
  return out + 2;
}

inline int count_digits(uint64_t value) {
  int digits = 1;
  for (;;) {
    if (value < 10) return digits;
    if (value < 100) return digits + 1;
    if (value < 1000) return digits + 2;
    if (value < 10000) return digits + 3;
    value /= 10000;
    digits += 4;
  }
}

// Up to 20 bytes.
inline char* append_number(char* out, uint64_t value) {
  char* const end = out + count_digits(value);
  char* at = end;
  while (value >= 100) {
    at -= 2;
    append_two(at, static_cast<unsigned>(value % 100));
    value /= 100;
  }
  if (value >= 10) {
    append_two(at - 2, static_cast<unsigned>(value));
  } else {
    at[-1] = static_cast<char>('0' + value);
  }
  return end;
}

// Up to 20 bytes.
inline char* append_signed(char* out, int64_t value) {
  if (value >= 0) return append_number(out, static_cast<uint64_t>(value));
  *out = '-';
  return append_number(out + 1, 0 - static_cast<uint64_t>(value));
}

}  // namespace natledger
