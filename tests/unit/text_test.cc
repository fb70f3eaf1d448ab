// SPDX-License-Identifier: GPL-2.0-or-later
// The innermost appends: the right bytes, and none beyond what their comments allow.
#include "base/text.h"

#include <random>

#include <gtest/gtest.h>

namespace natledger {
namespace {

constexpr char kUntouched = '\x55';

// What `append` writes, and how far it writes beyond its end.
struct Appended {
  std::string text;
  size_t beyond = 0;
};

template <class Append>
Appended run(Append append) {
  char buffer[256];
  std::memset(buffer, kUntouched, sizeof buffer);
  const char* const end = append(buffer);
  size_t last = sizeof buffer;
  while (last > 0 && buffer[last - 1] == kUntouched) --last;
  const auto bytes = static_cast<size_t>(end - buffer);
  return {std::string(buffer, bytes), last > bytes ? last - bytes : 0};
}

std::string letters(size_t bytes) {
  std::string text;
  for (size_t i = 0; i < bytes; ++i) text += static_cast<char>('a' + i % 26);
  return text;
}

// Around every change of length, and many of each length.
std::vector<uint64_t> numbers() {
  std::vector<uint64_t> found{0, UINT64_MAX, UINT64_MAX - 1, uint64_t{1} << 63, UINT32_MAX};
  for (uint64_t power = 1; power <= UINT64_MAX / 10; power *= 10) {
    for (const uint64_t n : {power * 10 - 1, power * 10, power * 10 + 1}) found.push_back(n);
  }
  std::mt19937_64 random{1};
  for (int i = 0; i < 200'000; ++i) found.push_back(random() >> random() % 64);
  return found;
}

TEST(Text, NumbersAreDecimalWithoutLeadingZeros) {
  for (const uint64_t n : numbers()) {
    const Appended made = run([&](char* out) { return append_number(out, n); });
    ASSERT_EQ(made.text, std::to_string(n));
    ASSERT_LE(made.beyond, kNumberSlack) << n;
  }
}

TEST(Text, NegativeNumbersHaveASign) {
  std::vector<int64_t> cases{INT64_MIN, INT64_MIN + 1, INT64_MAX, -1, 0, 1};
  for (const uint64_t n : numbers()) cases.push_back(static_cast<int64_t>(n));
  for (const int64_t n : cases) {
    const Appended made = run([&](char* out) { return append_signed(out, n); });
    ASSERT_EQ(made.text, std::to_string(n));
    ASSERT_LE(made.beyond, kNumberSlack) << n;
  }
}

TEST(Text, EveryNumberUpToSixDigits) {
  for (uint32_t n = 0; n <= 1'000'000; ++n) {
    const Appended made = run([&](char* out) { return append_below_1e8(out, n); });
    ASSERT_EQ(made.text, std::to_string(n));
    ASSERT_LE(made.beyond, kNumberSlack) << n;
  }
}

TEST(Text, EverySmallNumber) {
  for (unsigned n = 0; n < 256; ++n) {
    const auto value = static_cast<uint8_t>(n);
    const Appended made = run([&](char* out) { return append_small(out, value); });
    EXPECT_EQ(made.text, std::to_string(n));
    EXPECT_LE(made.beyond, kNumberSlack) << n;
  }
}

TEST(Text, EightDigitsKeepTheirZeros) {
  for (const uint64_t n : numbers()) {
    const auto value = static_cast<uint32_t>(n % 100'000'000);
    char expected[16];
    std::snprintf(expected, sizeof expected, "%08u", value);
    const Appended made = run([&](char* out) { return append_eight(out, value); });
    ASSERT_EQ(made.text, expected);
    ASSERT_EQ(made.beyond, 0U);
  }
}

TEST(Text, TwoDigitsKeepTheirZero) {
  for (unsigned n = 0; n < 100; ++n) {
    char expected[8];
    std::snprintf(expected, sizeof expected, "%02u", n);
    const Appended made = run([&](char* out) { return append_two(out, n); });
    EXPECT_EQ(made.text, expected);
    EXPECT_EQ(made.beyond, 0U);
  }
}

TEST(Text, TextsOfEveryLengthAreCopiedAndNothingBeyond) {
  for (size_t bytes = 0; bytes <= 80; ++bytes) {
    const std::string text = letters(bytes);
    for (const auto append : {append_text, append_short_text}) {
      const Appended made = run([&](char* out) { return append(out, text); });
      EXPECT_EQ(made.text, text);
      EXPECT_EQ(made.beyond, 0U) << bytes;
    }
  }
}

TEST(Text, BlocksOfEveryLengthStayWithinTheirSlack) {
  for (size_t bytes = 0; bytes <= 100; ++bytes) {
    const std::string text = letters(bytes);
    const BlockText block{text};
    const Appended made = run([&](char* out) { return block.append_to(out); });
    EXPECT_EQ(made.text, text);
    EXPECT_EQ(block.size(), bytes);
    EXPECT_LE(made.beyond, BlockText::kSlack) << bytes;
  }
  EXPECT_EQ(run([](char* out) { return BlockText{}.append_to(out); }).text, "");
}

}  // namespace
}  // namespace natledger
