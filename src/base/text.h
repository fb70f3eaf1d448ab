// SPDX-License-Identifier: GPL-2.0-or-later
// Appending numbers and literals to a buffer that has room: the innermost loop of the encoder.
//
// Each function writes at `out` and returns the end of what it wrote; the caller guarantees the
// room, which the comment of each states.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
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

// Each of 0..255, without leading zeros.
struct SmallNumber {
  char text[3];
  uint8_t length;
};
inline constexpr auto kSmallNumbers = [] {
  std::array<SmallNumber, 256> numbers{};
  for (unsigned i = 0; i < 256; ++i) {
    SmallNumber& number = numbers[i];
    if (i >= 100) number.text[number.length++] = static_cast<char>('0' + i / 100);
    if (i >= 10) number.text[number.length++] = static_cast<char>('0' + i / 10 % 10);
    number.text[number.length++] = static_cast<char>('0' + i % 10);
  }
  return numbers;
}();

inline char* append_text(char* out, std::string_view text) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

// The same for a text of unknown length that is nearly always short, where a call of memcpy costs
// more than the copy.
inline char* append_short_text(char* out, std::string_view text) {
  const char* const from = text.data();
  const size_t size = text.size();
  if (size > 16) return append_text(out, text);
  // Two copies that overlap where the length is between powers of two.
  if (size >= 8) {
    std::memcpy(out, from, 8);
    std::memcpy(out + size - 8, from + size - 8, 8);
  } else if (size >= 4) {
    std::memcpy(out, from, 4);
    std::memcpy(out + size - 4, from + size - 4, 4);
  } else {
    for (size_t i = 0; i < size; ++i) out[i] = from[i];
  }
  return out + size;
}

// A text that is appended often: copied in whole blocks, without a call.
class BlockText {
 public:
  // How far append_to() may write beyond what it returns.
  static constexpr size_t kSlack = 31;

  BlockText() = default;
  explicit BlockText(std::string_view text) : blocks_(text), size_(text.size()) {
    blocks_.resize((size_ + kSlack) / kBlock * kBlock);
  }

  char* append_to(char* out) const {
    for (size_t i = 0; i < size_; i += kBlock) std::memcpy(out + i, blocks_.data() + i, kBlock);
    return out + size_;
  }
  size_t size() const { return size_; }

 private:
  static constexpr size_t kBlock = kSlack + 1;

  std::string blocks_;
  size_t size_ = 0;
};

// Writes four bytes, whatever the length.
inline char* append_small(char* out, uint8_t value) {
  const SmallNumber& number = kSmallNumbers[value];
  std::memcpy(out, &number, sizeof number);
  return out + number.length;
}

// `value` below 100, as two digits.
inline char* append_two(char* out, unsigned value) {
  std::memcpy(out, &kDigitPairs.at[2 * value], 2);
  return out + 2;
}

// The eight digits of `value` below 10^8, the first in the lowest byte. Each step divides in all
// lanes at once: a multiplication and a shift are exact for dividends this small.
inline uint64_t eight_digits(uint32_t value) {
  const uint64_t quads = value / 10'000 | uint64_t{value % 10'000} << 32;
  const uint64_t hundreds = quads * 10'486 >> 20 & 0x0000'007f'0000'007f;
  const uint64_t pairs = hundreds + ((quads - 100 * hundreds) << 16);
  const uint64_t tens = pairs * 103 >> 10 & 0x000f'000f'000f'000f;
  return tens + ((pairs - 10 * tens) << 8);
}

// The first byte in memory is the lowest of `text`.
inline void store_text(char* out, uint64_t text) {
  if constexpr (std::endian::native == std::endian::big) text = __builtin_bswap64(text);
  std::memcpy(out, &text, sizeof text);
}

inline constexpr uint64_t kEightZeros = 0x3030'3030'3030'3030;

inline char* append_eight(char* out, uint32_t value) {
  store_text(out, eight_digits(value) + kEightZeros);
  return out + 8;
}

// `value` below 10^8, without leading zeros. By branches: where the next text goes is then guessed
// at once, rather than computed behind all divisions.
inline char* append_below_1e8(char* out, uint32_t value) {
  if (value < kSmallNumbers.size()) return append_small(out, static_cast<uint8_t>(value));
  if (value >= 1'000'000) {
    out = append_small(out, static_cast<uint8_t>(value / 1'000'000));
    out = append_two(out, value / 10'000 % 100);
    out = append_two(out, value / 100 % 100);
  } else if (value >= 10'000) {
    out = append_small(out, static_cast<uint8_t>(value / 10'000));
    out = append_two(out, value / 100 % 100);
  } else {
    out = append_small(out, static_cast<uint8_t>(value / 100));
  }
  return append_two(out, value % 100);
}

// How far the functions below may write beyond what they return.
inline constexpr size_t kNumberSlack = 3;

// Up to 20 bytes, and kNumberSlack.
inline char* append_number(char* out, uint64_t value) {
  constexpr uint64_t kUnit = 100'000'000;
  if (value < kUnit) return append_below_1e8(out, static_cast<uint32_t>(value));
  const auto low = static_cast<uint32_t>(value % kUnit);
  value /= kUnit;
  if (value < kUnit) {
    out = append_below_1e8(out, static_cast<uint32_t>(value));
  } else {
    out = append_below_1e8(out, static_cast<uint32_t>(value / kUnit));
    out = append_eight(out, static_cast<uint32_t>(value % kUnit));
  }
  return append_eight(out, low);
}

// Up to 20 bytes, and kNumberSlack.
inline char* append_signed(char* out, int64_t value) {
  if (value >= 0) return append_number(out, static_cast<uint64_t>(value));
  *out = '-';
  return append_number(out + 1, 0 - static_cast<uint64_t>(value));
}

}  // namespace natledger
