// SPDX-License-Identifier: GPL-2.0-or-later
#include "differential/mutation.h"

#include <linux/netlink.h>

#include <cstring>

#include "base/attributes.h"

namespace natledger {

namespace {

constexpr size_t kHeadersBytes = 20;  // nlmsghdr and nfgenmsg
constexpr size_t kAttributeHeaderBytes = 4;

// The kernel marks nests; the attributes of a conntrack message that are nests by their type.
bool is_nest(uint16_t type) { return (type & NLA_F_NESTED) != 0; }

size_t padded(size_t length) { return (length + 3) & ~size_t{3}; }

}  // namespace

std::vector<Mutator::Place> Mutator::leaves(const Message& message) const {
  std::vector<Place> found;
  for (size_t at = kHeadersBytes; at + kAttributeHeaderBytes <= message.size();) {
    const size_t length = load<uint16_t>(&message[at]);
    if (length < kAttributeHeaderBytes || at + length > message.size()) break;
    if (is_nest(load<uint16_t>(&message[at + 2]))) {
      at += kAttributeHeaderBytes;  // its attributes follow
      continue;
    }
    found.push_back({at, length});
    at += padded(length);
  }
  return found;
}

Message Mutator::mutate(const Message& message) {
  Message changed = message;
  for (size_t changes = 1 + below(4); changes > 0 && changed.size() > kHeadersBytes; --changes) {
    const size_t kind = below(100);
    if (kind < 80) {
      change_value(changed);
    } else if (kind < 86) {
      change_any_byte(changed);
    } else if (kind < 92) {
      drop_attribute(changed);
    } else if (kind < 97) {
      repeat_attribute(changed);
    } else {
      cut(changed);
    }
  }
  if (changed.size() >= sizeof(uint32_t)) {
    const auto length = static_cast<uint32_t>(changed.size());
    std::memcpy(changed.data(), &length, sizeof length);
  }
  return changed;
}

void Mutator::change_value(Message& message) {
  const auto places = leaves(message);
  if (places.empty()) return;
  const Place place = places[below(places.size())];
  if (place.length == kAttributeHeaderBytes) return;
  const size_t at = place.at + kAttributeHeaderBytes + below(place.length - kAttributeHeaderBytes);
  if (at < message.size()) message[at] = static_cast<std::byte>(below(256));
}

void Mutator::change_any_byte(Message& message) {
  message[below(message.size())] = static_cast<std::byte>(below(256));
}

void Mutator::drop_attribute(Message& message) {
  const auto places = leaves(message);
  if (places.empty()) return;
  const Place place = places[below(places.size())];
  const size_t end = std::min(place.at + padded(place.length), message.size());
  message.erase(message.begin() + static_cast<std::ptrdiff_t>(place.at),
                message.begin() + static_cast<std::ptrdiff_t>(end));
}

// At the end of the message, so that the nests around keep their lengths.
void Mutator::repeat_attribute(Message& message) {
  const auto places = leaves(message);
  if (places.empty()) return;
  const Place place = places[below(places.size())];
  const Message copy{message.begin() + static_cast<std::ptrdiff_t>(place.at),
                     message.begin() + static_cast<std::ptrdiff_t>(place.at + place.length)};
  message.resize(padded(message.size()));
  message.insert(message.end(), copy.begin(), copy.end());
  message.resize(padded(message.size()));
}

void Mutator::cut(Message& message) { message.resize(1 + below(message.size() - 1)); }

}  // namespace natledger
