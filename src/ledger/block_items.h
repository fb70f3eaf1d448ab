// SPDX-License-Identifier: GPL-2.0-or-later
// Items of fixed size in the blocks of a file, and the search for a public end among sorted ones.
#pragma once

#include <cstdint>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "ledger/block_file.h"
#include "ledger/index_format.h"

namespace natledger {

// Flows by their public end, which were there at some time in [from, to].
struct IndexQuestion {
  Endpoint seen;  // without a port: every flow of the address
  std::optional<int> protocol;
  std::optional<IpAddress> remote;
  TimePoint from;
  TimePoint to;
};

// Reads block by block; so each function throws SystemError when one is damaged. `file` outlives
// this.
template <class Item, size_t kBytes>
class BlockItems {
 public:
  // From the beginning of a block on.
  BlockItems(BlockFile& file, uint64_t block, uint64_t size)
      : file_(file), block_(block), size_(size) {}

  uint64_t size() const { return size_; }
  uint64_t end_block() const { return block_ + blocks_of(size_, kBytes); }

  Item operator[](uint64_t number) const {
    constexpr uint64_t kABlock = items_a_block(kBytes);
    const std::string_view block = file_.block(block_ + number / kABlock);
    Item item;
    read_bytes(block.data() + number % kABlock * kBytes, item);
    return item;
  }

  std::vector<Item> all() const {
    std::vector<Item> items;
    for (uint64_t i = 0; i < size_; ++i) items.push_back((*this)[i]);
    return items;
  }

  // The number of the first item that is not `before`; those that are stand in front.
  template <class Before>
  uint64_t first_not(const Before& before) const {
    uint64_t low = 0;
    for (uint64_t high = size_; low < high;) {
      const uint64_t middle = low + (high - low) / 2;
      if (before((*this)[middle])) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

 private:
  BlockFile& file_;
  uint64_t block_;
  uint64_t size_;
};

// Whether an item of the right address and time fits the rest of the question.
template <class Item>
bool may_fit(const Item& item, const IndexQuestion& question) {
  if (question.protocol && *question.protocol != item.key.protocol) return false;
  if (question.remote && address_hash(*question.remote) != item.remote) return false;
  if (!question.seen.port || (item.key.flags & IndexKey::kIdUnknown) != 0) return true;
  return item.key.port == *question.seen.port && (item.key.flags & IndexKey::kNoPort) == 0;
}

// Of items sorted by key and sought_end(): calls `take` with each that may fit the question.
template <class Items, class Take>
void search_items(const Items& items, const IndexQuestion& question, const Take& take) {
  const IndexKey asked = index_key(question.seen, false, 0);
  const uint32_t from = seconds_down(question.from);
  const uint32_t to = seconds_up(question.to);
  const auto search = [&](const IndexKey& key, uint32_t end, bool any_port) {
    const auto begin = std::pair{key.order(), end};
    const auto before = [&](const auto& item) {
      return std::pair{item.key.order(), item.sought_end()} < begin;
    };
    for (uint64_t i = items.first_not(before); i < items.size(); ++i) {
      const auto item = items[i];
      if (any_port ? !item.key.same_address(key) : item.key.order() != key.order()) return;
      if (item.sought_end() >= from && item.start <= to && may_fit(item, question)) take(item);
    }
  };
  IndexKey no_port = asked;
  no_port.port = 0;
  if (!question.seen.port) return search(no_port, 0, true);
  search(asked, from, false);
  if (asked.port != 0) search(no_port, from, false);  // where those are whose id is not known
}

}  // namespace natledger
