// SPDX-License-Identifier: GPL-2.0-or-later
// Walking netlink attributes, by hand: 4 bytes of length and type, the value, padding to 4.
//
// The lengths come from outside and are believed only as far as the bytes reach. A loop over
// Attributes ends early on a broken one, so well_formed() has to be asked after it.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace natledger {

using Bytes = std::span<const std::byte>;

template <class T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// Conntrack attributes hold numbers in network order, netlink headers in the host's.
inline uint16_t load_be16(const std::byte* at) {
  const auto value = load<uint16_t>(at);
  return std::endian::native == std::endian::big ? value : __builtin_bswap16(value);
}
inline uint32_t load_be32(const std::byte* at) {
  const auto value = load<uint32_t>(at);
  return std::endian::native == std::endian::big ? value : __builtin_bswap32(value);
}
inline uint64_t load_be64(const std::byte* at) {
  const auto value = load<uint64_t>(at);
  return std::endian::native == std::endian::big ? value : __builtin_bswap64(value);
}

struct Attribute {
  uint16_t type;
  Bytes value;
};

class Attributes {
 public:
  explicit Attributes(Bytes bytes) : rest_(bytes) {}

  // Moves to the next attribute. False at the end, and at a broken one.
  bool next(Attribute& attribute) {
    if (rest_.empty()) return false;
    if (rest_.size() < kHeaderBytes) return broken();
    const size_t length = load<uint16_t>(rest_.data());
    if (length < kHeaderBytes || length > rest_.size()) return broken();
    // The two top bits say "nested" and "network order"; kernels differ in setting them.
    attribute.type = load<uint16_t>(rest_.data() + 2) & 0x3fff;
    attribute.value = rest_.subspan(kHeaderBytes, length - kHeaderBytes);
    const size_t padded = (length + 3) & ~size_t{3};
    rest_ = rest_.subspan(padded < rest_.size() ? padded : rest_.size());
    return true;
  }

  bool well_formed() const { return well_formed_; }

 private:
  static constexpr size_t kHeaderBytes = 4;

  bool broken() {
    well_formed_ = false;
    return false;
  }

  Bytes rest_;
  bool well_formed_ = true;
};

}  // namespace natledger
