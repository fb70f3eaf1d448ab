// SPDX-License-Identifier: GPL-2.0-or-later
// Messages that differ from real ones in something: a value, a length, an attribute more or less.
#pragma once

#include <cstddef>
#include <random>
#include <vector>

namespace natledger {

using Message = std::vector<std::byte>;

// Repeatable: the same seed gives the same mutations.
class Mutator {
 public:
  explicit Mutator(uint64_t seed) : random_(seed) {}

  // One to four changes, most of them to the value of an attribute, so that most results still
  // parse. The length in the header is kept true.
  Message mutate(const Message& message);

 private:
  // Where a leaf attribute stands: its header's offset and its whole length.
  struct Place {
    size_t at;
    size_t length;
  };

  std::vector<Place> leaves(const Message& message) const;
  size_t below(size_t bound) { return random_() % bound; }
  void change_value(Message& message);
  void change_any_byte(Message& message);
  void drop_attribute(Message& message);
  void repeat_attribute(Message& message);
  void cut(Message& message);

  std::mt19937_64 random_;
};

}  // namespace natledger
