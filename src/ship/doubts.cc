// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/doubts.h"

#include <algorithm>
#include <utility>

#include "ledger/cursor.h"

namespace natledger {

Doubts::Doubts(const std::string& memory, uint64_t in_flight, TimePoint until)
    : in_flight_(in_flight), until_(until) {
  for (size_t at = 0; at < memory.size();) {
    const size_t end = std::min(memory.find(',', at), memory.size());
    indexes_.push_back(memory.substr(at, end - at));
    at = end + 1;
  }
  if (indexes_.empty()) in_flight_ = 0;
}

void Doubts::add(uint64_t sequence, TimePoint until) {
  up_to_ = std::max(up_to_, sequence);
  until_ = std::max(until_, until);
}

bool Doubts::is_doubtful(uint64_t sequence) const { return sequence <= up_to_; }

void Doubts::begin_at(uint64_t sequence) {
  if (in_flight_ != 0) up_to_ = sequence + std::exchange(in_flight_, 0);
  if (sequence > up_to_ && indexes_.size() > 1)
    indexes_.erase(indexes_.begin(), indexes_.end() - 1);
}

void Doubts::took(const std::string& index) {
  if (!indexes_.empty() && indexes_.back() == index) return;
  std::erase(indexes_, index);
  indexes_.push_back(index);
}

std::vector<std::string> Doubts::elsewhere(const std::string& index) const {
  std::vector<std::string> others = indexes_;
  std::erase(others, index);
  return others;
}

std::string Doubts::memory() const {
  std::string text;
  for (auto index = indexes_.rbegin(); index != indexes_.rend(); ++index) {
    if (text.size() + index->size() + 1 > Cursor::kMostMemory) break;
    text = text.empty() ? *index : *index + "," + text;
  }
  return text;
}

}  // namespace natledger
