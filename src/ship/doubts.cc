// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/doubts.h"

#include <algorithm>
#include <utility>

namespace natledger {

namespace {

using Names = std::vector<std::string>;

Names::const_iterator find_since(const std::string& since, const Names& backing) {
  const auto found = std::ranges::find(backing, since);
  if (found != backing.end()) return found;
  if (since != Doubts::kRecentIndex) return backing.begin();
  return backing.end() - std::min(std::ssize(backing), Doubts::kRecentIndices);
}

}  // namespace

Doubts::Doubts(std::string since, uint64_t up_to, TimePoint until) : last_(std::move(since)) {
  if (up_to != 0) sent_.push_back({0, up_to, last_, until, false});
}

void Doubts::begin(uint64_t first) {
  std::erase_if(sent_, [&](const Sent& sent) { return sent.last < first; });
}

void Doubts::add(uint64_t first, uint64_t last, TimePoint until) {
  if (!sent_.empty()) {
    Sent& newest = sent_.back();
    const bool within = newest.first != 0 && newest.first <= first && last <= newest.last;
    if (within && newest.since == last_) {
      newest.until = std::max(newest.until, until);
      newest.once = false;
      return;
    }
  }
  sent_.push_back({first, last, last_, until, true});
}

std::optional<Doubts::Doubt> Doubts::about(uint64_t sequence, const std::string& index) const {
  std::optional<Doubt> found;
  TimePoint quiet;
  size_t times = 0;
  for (const Sent& sent : sent_) {
    if (sequence < sent.first || sequence > sent.last) continue;
    quiet = std::max(quiet, sent.until);
    times += sent.once ? 1 : 2;
    if (sent.since == index) continue;
    if (!found) found = Doubt{sent.since, sent.until, {}};
    found->until = std::max(found->until, sent.until);
  }
  if (found && times != 1) found->until_removable = quiet;
  return found;
}

void Doubts::know(const Names& backing) {
  if (backing.empty()) return;
  for (Sent& sent : sent_) sent.since = *find_since(sent.since, backing);
  last_ = *find_since(last_, backing);
}

const std::string& Doubts::memory() const { return sent_.empty() ? last_ : sent_.front().since; }

Names indices_since(const std::string& since, const std::string& index, const Names& backing) {
  Names others{find_since(since, backing), backing.end()};
  std::erase(others, index);
  return others;
}

}  // namespace natledger
