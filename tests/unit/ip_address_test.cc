// SPDX-License-Identifier: GPL-2.0-or-later
// Addresses against inet_ntop and inet_pton; endpoints by hand.
#include "base/ip_address.h"

#include <arpa/inet.h>

#include <cstring>
#include <random>

#include <gtest/gtest.h>

namespace natledger {
namespace {

using Family = IpAddress::Family;

std::string inet_text(const IpAddress& address) {
  char text[INET6_ADDRSTRLEN] = "";
  const int family = address.family == Family::kV4 ? AF_INET : AF_INET6;
  ::inet_ntop(family, address.bytes.data(), text, sizeof text);
  return text;
}

IpAddress v6_of(const std::array<uint16_t, 8>& groups) {
  IpAddress address;
  address.family = Family::kV6;
  for (size_t i = 0; i < 8; ++i) {
    address.bytes[2 * i] = static_cast<uint8_t>(groups[i] >> 8);
    address.bytes[2 * i + 1] = static_cast<uint8_t>(groups[i]);
  }
  return address;
}

void expect_as_inet_ntop(const IpAddress& address) {
  const std::string text = address_text(address);
  ASSERT_EQ(text, inet_text(address));
  ASSERT_EQ(parse_address(text), address) << text;
  ASSERT_LE(text.size(), static_cast<size_t>(kAddressTextBytes));
}

TEST(IpAddress, IPv4IsWrittenAsInetNtopWritesIt) {
  std::mt19937_64 random{1};
  for (uint64_t i = 0; i < 200'000; ++i) {
    IpAddress address;
    address.family = Family::kV4;
    // Each octet's every value first.
    const uint32_t bits = static_cast<uint32_t>(i < 256 ? i * 0x01010101 : random());
    std::memcpy(address.bytes.data(), &bits, 4);
    expect_as_inet_ntop(address);
    if (HasFatalFailure()) return;
  }
}

TEST(IpAddress, EveryPatternOfZeroGroupsIsWrittenAsInetNtopWritesIt) {
  for (unsigned zeros = 0; zeros < 256; ++zeros) {
    for (const int other : {0x1, 0xab, 0xabc, 0xabcd, 0xffff, 0x100}) {
      std::array<uint16_t, 8> groups{};
      for (size_t i = 0; i < 8; ++i)
        groups[i] = static_cast<uint16_t>((zeros >> i & 1) != 0 ? 0 : other);
      expect_as_inet_ntop(v6_of(groups));
      if (HasFatalFailure()) return;
    }
  }
}

TEST(IpAddress, RandomIPv6IsWrittenAsInetNtopWritesIt) {
  std::mt19937_64 random{2};
  for (int i = 0; i < 200'000; ++i) {
    std::array<uint16_t, 8> groups{};
    const uint64_t kinds = random();
    for (size_t g = 0; g < 8; ++g) {
      const uint64_t kind = kinds >> 2 * g & 3;
      if (kind != 0)
        groups[g] = static_cast<uint16_t>(kind == 1 ? 0xffff : random() >> random() % 64);
    }
    expect_as_inet_ntop(v6_of(groups));
    if (HasFatalFailure()) return;
  }
}

TEST(IpAddress, NoAddressIsNoText) { EXPECT_EQ(address_text({}), ""); }

TEST(IpAddress, TheFamilyTellsEqualBytesApart) {
  IpAddress v4, v6;
  v4.family = Family::kV4;
  v6.family = Family::kV6;
  EXPECT_NE(v4, v6);
  for (size_t i = 0; i < 16; ++i) {
    IpAddress other = v6;
    other.bytes[i] = 1;
    EXPECT_NE(other, v6) << i;
  }
  EXPECT_EQ(v6, IpAddress{v6});
}

TEST(IpAddress, WhatIsNoAddressIsRefused) {
  using namespace std::string_view_literals;
  const std::string_view bad[] = {
      "",           " ",          "1.2.3",       "1.2.3.4.5",     "1.2.3.256",
      "1.2.3.04x",  "1.2.3.4 ",   " 1.2.3.4",    "1.2.3.-4",      "0x1.2.3.4",
      "localhost",  ":",          ":::",         "1::2::3",       "12345::",
      "g::",        "fe80::1%lo", "[::1]",       "1:2:3:4:5:6:7", "::1/64",
      "1.2.3.4/32", "::1.2.3",    "::1.2.3.4.5", "1.2.3.4\0"sv,   "1.2.3.4\0x"sv,
      "::1\0"sv,
  };
  for (const std::string_view text : bad) EXPECT_FALSE(parse_address(text)) << text;
}

struct EndpointCase {
  const char* text;
  const char* address;
  std::optional<uint16_t> port;
};

TEST(Endpoint, ReadsWhatItWrites) {
  const EndpointCase cases[] = {
      {"1.2.3.4:53500", "1.2.3.4", 53500},
      {"1.2.3.4:0", "1.2.3.4", 0},
      {"255.255.255.255:65535", "255.255.255.255", 65535},
      {"1.2.3.4", "1.2.3.4", {}},
      {"[2001:db8::1]:80", "2001:db8::1", 80},
      {"2001:db8::1", "2001:db8::1", {}},
      {"[::]:0", "::", 0},
      {"[1111:2222:3333:4444:5555:6666:7777:8888]:65535", "1111:2222:3333:4444:5555:6666:7777:8888",
       65535},
      {"[::ffff:255.255.255.255]:65535", "::ffff:255.255.255.255", 65535},
  };
  for (const EndpointCase& c : cases) {
    const Endpoint endpoint{*parse_address(c.address), c.port};
    EXPECT_EQ(endpoint_text(endpoint), c.text);
    EXPECT_EQ(parse_endpoint(c.text), endpoint) << c.text;
    EXPECT_LE(std::strlen(c.text), static_cast<size_t>(kEndpointTextBytes));
  }
}

TEST(Endpoint, BracketsWithoutAPortAreABareAddress) {
  EXPECT_EQ(parse_endpoint("[2001:db8::1]"), (Endpoint{*parse_address("2001:db8::1"), {}}));
}

TEST(Endpoint, APortMakesADifference) {
  const IpAddress address = *parse_address("1.2.3.4");
  EXPECT_NE((Endpoint{address, 0}), (Endpoint{address, {}}));
  EXPECT_NE((Endpoint{address, 1}), (Endpoint{address, 2}));
}

TEST(Endpoint, WhatIsNoEndpointIsRefused) {
  const char* bad[] = {
      "",
      ":",
      ":80",
      "1.2.3.4:",
      "1.2.3.4:65536",
      "1.2.3.4:-1",
      "1.2.3.4:+1",
      "1.2.3.4: 1",
      "1.2.3.4:1 ",
      "1.2.3.4:0x50",
      "1.2.3.4:0X50",
      "1.2.3.4:http",
      "1.2.3.4:1:2",
      "1.2.3:80",
      "[1.2.3.4]:80",
      "[1.2.3.4]",
      "[::1",
      "::1]",
      "[::1]80",
      "[::1]x80",
      "[::1]:",
      "[::1]:65536",
      "[]:80",
      "[",
      "[[::1]]:80",
      "host:80",
      "1.2.3.4:99999999999999999999",
  };
  for (const char* text : bad) EXPECT_FALSE(parse_endpoint(text)) << text;
}

}  // namespace
}  // namespace natledger
