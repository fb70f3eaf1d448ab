// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/doubts.h"

#include <algorithm>
#include <utility>

namespace natledger {

Doubts::Doubts(std::string memory, uint64_t in_flight, TimePoint until, ptrdiff_t most_indices)
    : since_(std::move(memory)),
      last_(since_),
      in_flight_(in_flight),
      until_(until),
      most_indices_(most_indices) {}

void Doubts::add(uint64_t sequence, TimePoint until) {
  up_to_ = std::max(up_to_, sequence);
  until_ = std::max(until_, until);
}

void Doubts::begin(uint64_t first, uint64_t last, uint64_t records) {
  if (in_flight_ != 0 && last > come_to_) {
    up_to_ = std::max(up_to_, last);
    in_flight_ -= std::min(in_flight_, records);
    come_to_ = last;
  }
  if (first > up_to_) since_ = last_;
}

std::vector<std::string>::const_iterator Doubts::from(
    const std::vector<std::string>& backing) const {
  const auto since = std::ranges::find(backing, since_);
  if (since != backing.end()) return since;
  return backing.end() - std::min<ptrdiff_t>(std::ssize(backing), most_indices_);
}

void Doubts::know(const std::vector<std::string>& backing) {
  if (!backing.empty()) since_ = *from(backing);
}

std::vector<std::string> Doubts::elsewhere(const std::string& index,
                                           const std::vector<std::string>& backing) const {
  std::vector<std::string> others{from(backing), backing.end()};
  std::erase(others, index);
  return others;
}

}  // namespace natledger
