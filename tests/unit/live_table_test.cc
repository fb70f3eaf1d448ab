// SPDX-License-Identifier: GPL-2.0-or-later
// The hash table of live flows, held against std::unordered_map step by step.
#include "flow/live_table.h"

#include <random>
#include <string>
#include <unordered_map>

#include <gtest/gtest.h>

namespace natledger {
namespace {

struct Entry {
  uint64_t key = 0;
  uint64_t value = 0;
  uint32_t next_free = 0;
};

using Hash = uint32_t (*)(uint64_t key);

uint32_t spread(uint64_t key) { return static_cast<uint32_t>(key * 0x9e3779b97f4a7c15 >> 32); }

class Model {
 public:
  explicit Model(Hash hash) : hash_(hash) {}

  void insert(uint64_t key, uint64_t value) {
    Entry& made = table.insert({key, value, 0}, hash_(key));
    ASSERT_EQ(made.value, value);
    known_[key] = value;
  }
  void erase(uint64_t key) {
    table.erase(key, hash_(key));
    known_.erase(key);
    ASSERT_EQ(table.find(key, hash_(key)), nullptr) << key;
  }
  void expect_same(uint64_t key) {
    const Entry* found = table.find(key, hash_(key));
    const auto known = known_.find(key);
    ASSERT_EQ(found != nullptr, known != known_.end()) << key;
    if (found == nullptr) return;
    ASSERT_EQ(found->value, known->second) << key;
  }
  void expect_all_same() {
    ASSERT_EQ(table.size(), known_.size());
    for (const auto& [key, value] : known_) {
      expect_same(key);
      if (testing::Test::HasFatalFailure()) return;
    }
  }
  bool has(uint64_t key) const { return known_.contains(key); }

  LiveTable<Entry> table;

 private:
  Hash hash_;
  std::unordered_map<uint64_t, uint64_t> known_;
};

struct HashCase {
  const char* what;
  Hash hash;
  uint64_t keys;  // drawn from [0, keys)
  int steps;
};

void do_random_steps(Model& model, const HashCase& c) {
  std::mt19937_64 random{5};
  for (int step = 0; step < c.steps; ++step) {
    const uint64_t key = random() % c.keys;
    // Waves, so that the table fills and empties again.
    const bool filling = step / 5'000 % 2 == 0;
    const bool erase = random() % 10 < (filling ? 3 : 7);
    if (erase) {
      model.erase(key);
    } else if (!model.has(key)) {
      model.insert(key, random());
    }
    model.expect_same(random() % c.keys);
    if (step % 1'000 == 0) model.expect_all_same();
    if (testing::Test::HasFatalFailure()) return;
  }
  model.expect_all_same();
}

TEST(LiveTable, DoesWhatAMapDoesWhateverTheHash) {
  const HashCase cases[] = {
      {"spread", spread, 20'000, 100'000},
      {"every key in one place", [](uint64_t) -> uint32_t { return 7; }, 60, 20'000},
      {"the last cell, so that probing wraps around",
       [](uint64_t) -> uint32_t { return UINT32_MAX; }, 60, 20'000},
      {"neighbours in long runs", [](uint64_t key) { return static_cast<uint32_t>(key / 8); },
       4'000, 50'000},
      {"runs across the end", [](uint64_t key) { return static_cast<uint32_t>(1000 + key / 4); },
       200, 50'000},
  };
  for (const HashCase& c : cases) {
    SCOPED_TRACE(c.what);
    Model model{c.hash};
    do_random_steps(model, c);
    if (HasFatalFailure()) return;
  }
}

TEST(LiveTable, AnEmptyTableHasNothing) {
  LiveTable<Entry> table;
  EXPECT_EQ(table.size(), 0U);
  EXPECT_EQ(table.find(1, 1), nullptr);
  table.erase(1, 1);
  EXPECT_EQ(table.size(), 0U);
}

TEST(LiveTable, ValuesNeverMoveWhileTheTableGrowsAndOthersGo) {
  LiveTable<Entry> table;
  const Entry* const first = &table.insert({0, 42, 0}, spread(0));
  for (uint64_t key = 1; key <= 100'000; ++key) table.insert({key, key, 0}, spread(key));
  for (uint64_t key = 1; key <= 100'000; key += 2) table.erase(key, spread(key));
  EXPECT_EQ(table.find(0, spread(0)), first);
  EXPECT_EQ(first->value, 42U);
  EXPECT_EQ(table.size(), 50'001U);
}

TEST(LiveTable, ChurnNeedsNoMemory) {
  Model model{spread};
  for (uint64_t key = 0; key < 10'000; ++key) model.insert(key, key);
  const size_t full = model.table.memory_bytes();
  for (uint64_t key = 10'000; key < 500'000; ++key) {
    model.erase(key - 10'000);
    model.insert(key, key);
  }
  EXPECT_EQ(model.table.memory_bytes(), full);
  model.expect_all_same();
}

TEST(LiveTable, CostsWhatItSaysAtMost) {
  LiveTable<Entry> table;
  constexpr size_t kLeast = 1024 * (sizeof(Entry) + 8);
  for (uint64_t key = 0; key < 300'000; ++key) {
    table.insert({key, key, 0}, spread(key));
    const size_t values = table.size();
    ASSERT_GE(table.memory_bytes(), values * (sizeof(Entry) + 8));
    // 8 bytes a cell, of which 7 in 16 are in use just after a growth: 18.3 bytes a value.
    ASSERT_LE(table.memory_bytes(), values * sizeof(Entry) + values * 184 / 10 + kLeast) << key;
  }
}

}  // namespace
}  // namespace natledger
