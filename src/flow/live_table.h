// SPDX-License-Identifier: GPL-2.0-or-later
// A hash table for a million small values that are found, added and removed once an event.
//
// Open addressing over cells of {hash, slot}, so that probing, removal and growth do not touch the
// values; the values stand in chunks that never move. 18 bytes a value at worst beside the value
// itself, nothing allocated while it does not grow. Removal shifts back instead of leaving
// tombstones, since a table of flows is all churn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace natledger {

// `Value` has a member `key` with operator==, and `next_free`, a uint32_t that is ours while the
// value is not in use.
template <class Value>
class LiveTable {
 public:
  LiveTable() : cells_(kLeastCells) {}

  size_t size() const { return size_; }
  size_t memory_bytes() const {
    return cells_.size() * sizeof(Cell) + chunks_.size() * kChunkValues * sizeof(Value);
  }

  // Null when there is none. Valid until that value is erased.
  Value* find(const decltype(Value::key)& key, uint32_t hash) {
    for (size_t i = home(hash);; i = next(i)) {
      const Cell& cell = cells_[i];
      if (cell.slot == kEmpty) return nullptr;
      if (cell.hash == hash && at(cell.slot).key == key) return &at(cell.slot);
    }
  }

  // Every value, in no order.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const Cell& cell : cells_) {
      if (cell.slot != kEmpty) visit(chunks_[cell.slot / kChunkValues][cell.slot % kChunkValues]);
    }
  }

  // Adds a value whose key is not there yet.
  Value& insert(const Value& value, uint32_t hash) {
    if (size_ + 1 > cells_.size() / 8 * 7) grow();
    const uint32_t slot = take_slot();
    at(slot) = value;
    place({hash, slot});
    ++size_;
    return at(slot);
  }

  void erase(const decltype(Value::key)& key, uint32_t hash) {
    size_t hole = home(hash);
    while (cells_[hole].slot != kEmpty &&
           !(cells_[hole].hash == hash && at(cells_[hole].slot).key == key)) {
      hole = next(hole);
    }
    if (cells_[hole].slot == kEmpty) return;
    give_slot(cells_[hole].slot);
    --size_;
    for (size_t i = next(hole); cells_[i].slot != kEmpty; i = next(i)) {
      // A cell may move back into the hole unless its home lies after the hole.
      const size_t distance_home = (i - home(cells_[i].hash)) & (cells_.size() - 1);
      const size_t distance_hole = (i - hole) & (cells_.size() - 1);
      if (distance_home < distance_hole) continue;
      cells_[hole] = cells_[i];
      hole = i;
    }
    cells_[hole].slot = kEmpty;
  }

 private:
  static constexpr uint32_t kEmpty = UINT32_MAX;
  static constexpr size_t kLeastCells = 1024;
  static constexpr size_t kChunkValues = 1024;

  struct Cell {
    uint32_t hash = 0;
    uint32_t slot = kEmpty;
  };

  size_t home(uint32_t hash) const { return hash & (cells_.size() - 1); }
  size_t next(size_t i) const { return (i + 1) & (cells_.size() - 1); }
  Value& at(uint32_t slot) { return chunks_[slot / kChunkValues][slot % kChunkValues]; }

  void place(Cell cell) {
    size_t i = home(cell.hash);
    while (cells_[i].slot != kEmpty) i = next(i);
    cells_[i] = cell;
  }

  void grow() {
    std::vector<Cell> old(cells_.size() * 2);
    old.swap(cells_);
    for (const Cell& cell : old) {
      if (cell.slot != kEmpty) place(cell);
    }
  }

  uint32_t take_slot() {
    if (free_ != kEmpty) {
      const uint32_t slot = free_;
      free_ = at(slot).next_free;
      return slot;
    }
    if (used_slots_ == chunks_.size() * kChunkValues) {
      chunks_.push_back(std::make_unique<Value[]>(kChunkValues));
    }
    return static_cast<uint32_t>(used_slots_++);
  }

  void give_slot(uint32_t slot) {
    at(slot).next_free = free_;
    free_ = slot;
  }

  std::vector<Cell> cells_;  // a power of two of them
  std::vector<std::unique_ptr<Value[]>> chunks_;
  size_t size_ = 0;
  size_t used_slots_ = 0;
  uint32_t free_ = kEmpty;
};

}  // namespace natledger
