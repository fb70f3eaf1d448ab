// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/quantity.h"

#include <gtest/gtest.h>

namespace natledger {
namespace {

struct QuantityCase {
  const char* text;
  std::optional<uint64_t> value;
};

TEST(Quantity, Counts) {
  const QuantityCase cases[] = {
      {"0", 0},
      {"7", 7},
      {"007", 7},
      {"0x1f", 31},
      {"0X1F", 31},
      {"18446744073709551615", UINT64_MAX},
      {"0xffffffffffffffff", UINT64_MAX},
      {"18446744073709551616", {}},
      {"0x10000000000000000", {}},
      {"", {}},
      {"0x", {}},
      {"x1", {}},
      {"-1", {}},
      {"+1", {}},
      {"0x-1", {}},
      {"0x0x1", {}},
      {"1.5", {}},
      {"1e3", {}},
      {"1f", {}},
      {" 1", {}},
      {"1 ", {}},
  };
  for (const QuantityCase& c : cases) EXPECT_EQ(parse_count(c.text), c.value) << c.text;
}

TEST(Quantity, Sizes) {
  const QuantityCase cases[] = {
      {"0", 0},
      {"1000", 1000},
      {"1KiB", 1024},
      {"64MiB", 67108864},
      {"3GiB", 3221225472},
      {"2TiB", 2199023255552},
      {"0x10KiB", 16384},
      {"16777215TiB", 18446742974197923840U},
      {"16777216TiB", {}},
      {"18446744073709551615", UINT64_MAX},
      {"18446744073709551615KiB", {}},
      {"", {}},
      {"MiB", {}},
      {"1 MiB", {}},
      {"1MB", {}},
      {"1mib", {}},
      {"1M", {}},
      {"1.5GiB", {}},
      {"-1KiB", {}},
      {"1KiBKiB", {}},
      {"1KiB ", {}},
  };
  for (const QuantityCase& c : cases) EXPECT_EQ(parse_size(c.text), c.value) << c.text;
}

struct SizeText {
  uint64_t bytes;
  const char* text;
};

TEST(Quantity, ASizeIsWrittenInItsLargestWholeUnit) {
  const SizeText cases[] = {
      {0, "0"},
      {1, "1"},
      {1023, "1023"},
      {1024, "1KiB"},
      {1025, "1025"},
      {1536, "1536"},
      {1048576, "1MiB"},
      {1049600, "1025KiB"},
      {1073741824, "1GiB"},
      {1099511627776, "1TiB"},
      {1125899906842624, "1024TiB"},
      {UINT64_MAX, "18446744073709551615"},
  };
  for (const SizeText& c : cases) {
    EXPECT_EQ(size_text(c.bytes), c.text);
    EXPECT_EQ(parse_size(c.text), c.bytes);
  }
}

}  // namespace
}  // namespace natledger
