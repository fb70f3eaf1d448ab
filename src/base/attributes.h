// SPDX-License-Identifier: GPL-2.0-or-later
// Walking netlink attributes, by hand: 4 bytes of length and type, the value, padding to 4.
//
// The lengths come from outside and are believed only as far as the bytes reach. A loop over
// Attributes ends early on a broken one, so well_formed() has to be asked after it.
#pragma once

#include <algorithm>
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
  explicit Attributes(Bytes bytes) : at_(bytes.data()), left_(bytes.size()) {}

  // Moves to the next attribute. False at the end, and at a broken one.
  bool next(Attribute& attribute) {
    if (left_ == 0) return false;
    if (left_ < kHeaderBytes) return broken();
    const size_t length = load<uint16_t>(at_);
    // Too short wraps around to too long.
    if (length - kHeaderBytes > left_ - kHeaderBytes) return broken();
    // The two top bits say "nested" and "network order"; kernels differ in setting them.
    attribute.type = load<uint16_t>(at_ + 2) & 0x3fff;
    attribute.value = {at_ + kHeaderBytes, length - kHeaderBytes};
    // The last one may lack its padding.
    const size_t padded = std::min((length + 3) & ~size_t{3}, left_);
    at_ += padded;
    left_ -= padded;
    return true;
  }

  bool well_formed() const { return well_formed_; }

 private:
  static constexpr size_t kHeaderBytes = 4;

  bool broken() {
    well_formed_ = false;
    return false;
  }

  const std::byte* at_;
  size_t left_;
  bool well_formed_ = true;
};

}  // namespace natledger
