// SPDX-License-Identifier: GPL-2.0-or-later
// Netlink messages and attributes put together by hand, as linux/netlink.h lays them out.
#pragma once

#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string_view>
#include <vector>

namespace natledger {

using Blob = std::vector<std::byte>;

inline Blob joined(std::initializer_list<Blob> parts) {
  Blob whole;
  for (const Blob& part : parts) whole.insert(whole.end(), part.begin(), part.end());
  return whole;
}

// `bytes` bytes of `value` in network order.
inline Blob big_endian(uint64_t value, size_t bytes) {
  Blob blob(bytes);
  for (size_t i = bytes; i-- > 0; value >>= 8) blob[i] = static_cast<std::byte>(value & 0xff);
  return blob;
}

inline Blob c_string(std::string_view text) {
  Blob blob(text.size() + 1);
  std::memcpy(blob.data(), text.data(), text.size());
  return blob;
}

inline Blob attribute(uint16_t type, const Blob& value) {
  const nlattr header{static_cast<uint16_t>(sizeof(nlattr) + value.size()), type};
  Blob blob(sizeof header);
  std::memcpy(blob.data(), &header, sizeof header);
  blob.insert(blob.end(), value.begin(), value.end());
  blob.resize((blob.size() + 3) / 4 * 4);
  return blob;
}

inline Blob nested(uint16_t type, std::initializer_list<Blob> parts) {
  return attribute(type | NLA_F_NESTED, joined(parts));
}

struct MessageKind {
  uint8_t subsystem;
  uint8_t type;
  uint16_t flags = 0;
  uint8_t family = 0;
};

inline Blob netlink_message(const MessageKind& kind, const Blob& attributes) {
  nlmsghdr header{};
  header.nlmsg_len = static_cast<uint32_t>(NLMSG_HDRLEN + sizeof(nfgenmsg) + attributes.size());
  header.nlmsg_type = static_cast<uint16_t>(kind.subsystem << 8 | kind.type);
  header.nlmsg_flags = kind.flags;
  const nfgenmsg family{kind.family, NFNETLINK_V0, 0};
  Blob blob(NLMSG_HDRLEN + sizeof family);
  std::memcpy(blob.data(), &header, sizeof header);
  std::memcpy(blob.data() + NLMSG_HDRLEN, &family, sizeof family);
  blob.insert(blob.end(), attributes.begin(), attributes.end());
  return blob;
}

}  // namespace natledger
