// SPDX-License-Identifier: GPL-2.0-or-later
// The walk over netlink attributes: never a byte beyond the end, and broken lengths are told.
#include "base/attributes.h"

#include <random>
#include <set>

#include <gtest/gtest.h>

#include "unit/netlink_message.h"

namespace natledger {
namespace {

struct Seen {
  uint16_t type;
  Blob value;

  bool operator==(const Seen&) const = default;
};

struct Walk {
  std::vector<Seen> seen;
  bool well_formed = false;
};

// Copies to the heap, where the sanitizer sees a read beyond the end.
Walk walk(const Blob& bytes) {
  const Blob exact{bytes};
  Walk result;
  Attributes attributes{exact};
  Attribute attribute{};
  while (attributes.next(attribute)) {
    result.seen.push_back({attribute.type, {attribute.value.begin(), attribute.value.end()}});
  }
  result.well_formed = attributes.well_formed();
  EXPECT_FALSE(attributes.next(attribute)) << "the end stays the end";
  EXPECT_EQ(attributes.well_formed(), result.well_formed);
  return result;
}

// A header that says `length`, whatever follows.
Blob header(uint16_t length, uint16_t type) {
  Blob blob(4);
  std::memcpy(blob.data(), &length, 2);
  std::memcpy(blob.data() + 2, &type, 2);
  return blob;
}

Blob some_bytes(size_t count) {
  Blob blob(count);
  for (size_t i = 0; i < count; ++i) blob[i] = static_cast<std::byte>(i + 1);
  return blob;
}

TEST(Attributes, NoBytesAreNoAttributes) {
  EXPECT_TRUE(walk({}).seen.empty());
  EXPECT_TRUE(walk({}).well_formed);
}

TEST(Attributes, ValuesOfEveryLengthAndTheNextAtAMultipleOfFour) {
  for (size_t bytes = 0; bytes <= 17; ++bytes) {
    const Walk result =
        walk(joined({attribute(7, some_bytes(bytes)), attribute(8, some_bytes(2))}));
    EXPECT_TRUE(result.well_formed) << bytes;
    EXPECT_EQ(result.seen, (std::vector<Seen>{{7, some_bytes(bytes)}, {8, some_bytes(2)}}))
        << bytes;
  }
}

TEST(Attributes, TheLastMayLackItsPadding) {
  for (size_t bytes = 1; bytes <= 8; ++bytes) {
    Blob blob = attribute(7, some_bytes(bytes));
    blob.resize(4 + bytes);
    const Walk result = walk(blob);
    EXPECT_TRUE(result.well_formed) << bytes;
    EXPECT_EQ(result.seen, (std::vector<Seen>{{7, some_bytes(bytes)}})) << bytes;
  }
}

TEST(Attributes, TheTwoTopBitsOfATypeAreFlags) {
  for (const int flags :
       {0, NLA_F_NESTED, NLA_F_NET_BYTEORDER, NLA_F_NESTED | NLA_F_NET_BYTEORDER}) {
    const auto type = static_cast<uint16_t>(0x2abc | flags);
    EXPECT_EQ(walk(attribute(type, {})).seen.at(0).type, 0x2abc);
  }
}

TEST(Attributes, ANestIsAValueToWalkAgain) {
  const Blob inner = joined({attribute(1, some_bytes(1)), attribute(2, some_bytes(4))});
  const Walk outer = walk(joined({nested(5, {inner}), attribute(6, {})}));
  ASSERT_EQ(outer.seen.size(), 2U);
  EXPECT_EQ(outer.seen[0], (Seen{5, inner}));
  const Walk within = walk(outer.seen[0].value);
  EXPECT_TRUE(within.well_formed);
  EXPECT_EQ(within.seen, (std::vector<Seen>{{1, some_bytes(1)}, {2, some_bytes(4)}}));
}

TEST(Attributes, ALengthBelowTheHeadersEndsTheWalk) {
  for (uint16_t length = 0; length < 4; ++length) {
    const Walk result =
        walk(joined({attribute(1, some_bytes(4)), header(length, 2), some_bytes(8)}));
    EXPECT_FALSE(result.well_formed) << length;
    EXPECT_EQ(result.seen.size(), 1U) << length;
  }
}

TEST(Attributes, ALengthBeyondTheBytesEndsTheWalk) {
  for (const int beyond : {13, 14, 16, 255, 0x7fff, 0xffff}) {
    const auto length = static_cast<uint16_t>(beyond);
    const Walk result = walk(joined({header(length, 2), some_bytes(8)}));
    EXPECT_FALSE(result.well_formed) << length;
    EXPECT_TRUE(result.seen.empty()) << length;
  }
  EXPECT_EQ(walk(joined({header(12, 2), some_bytes(8)})).seen.size(), 1U);
}

TEST(Attributes, CutAnywhereTheWholeOnesAreSeenAndTheRestIsTold) {
  const Blob whole = joined(
      {attribute(1, some_bytes(4)), attribute(2, some_bytes(6)), attribute(3, some_bytes(1))});
  // Where an attribute ends, with its padding and without.
  const std::set<size_t> ends = {0, 8, 18, 19, 20, 25, 26, 27, 28};
  ASSERT_EQ(whole.size(), 28U);
  for (size_t bytes = 0; bytes <= whole.size(); ++bytes) {
    const Walk result = walk({whole.begin(), whole.begin() + static_cast<ptrdiff_t>(bytes)});
    EXPECT_EQ(result.well_formed, ends.contains(bytes)) << bytes;
    EXPECT_EQ(result.seen.size(), bytes < 8 ? 0U : bytes < 18 ? 1U : bytes < 25 ? 2U : 3U) << bytes;
  }
}

TEST(Attributes, AnyBytesAreWalkedToAnEnd) {
  std::mt19937_64 random{4};
  for (int i = 0; i < 100'000; ++i) {
    Blob blob(random() % 64);
    for (std::byte& b : blob)
      b = static_cast<std::byte>(random() % 3 == 0 ? random() : random() % 9);
    size_t least = 0;
    for (const Seen& seen : walk(blob).seen) least += 4 + seen.value.size();
    ASSERT_LE(least, blob.size());
  }
}

TEST(Attributes, NumbersAreInNetworkOrder) {
  const Blob bytes = some_bytes(9);
  EXPECT_EQ(load_be16(bytes.data()), 0x0102);
  EXPECT_EQ(load_be32(bytes.data()), 0x01020304U);
  EXPECT_EQ(load_be64(bytes.data()), 0x0102030405060708U);
  EXPECT_EQ(load_be64(bytes.data() + 1), 0x0203040506070809U) << "whatever the alignment";
}

}  // namespace
}  // namespace natledger
