// SPDX-License-Identifier: GPL-2.0-or-later
#include "ledger/state.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "unit/test_support.h"

namespace natledger {
namespace {

LedgerState example(uint64_t reserved_to) {
  return {"9f3ac2d4e5b1", reserved_to, "3b1e0b3c-6a5e-4c53-9d0a-a1f1a9c8f7d2", false, 5, 64, 99};
}

void flip_byte(const std::string& path, off_t at) {
  const UniqueFd fd = open_file(path, O_RDWR);
  char byte = 0;
  ASSERT_EQ(::pread(fd.get(), &byte, 1, at), 1);
  byte = static_cast<char>(byte ^ 1);
  ASSERT_EQ(::pwrite(fd.get(), &byte, 1, at), 1);
}

TEST(State, SurvivesReopening) {
  TempDir dir;
  {
    StateFile file{dir / "sequence"};
    EXPECT_FALSE(file.state());
    EXPECT_FALSE(file.damaged());
    file.store(example(1000));
    file.store(example(2000));
  }
  StateFile file{dir / "sequence"};
  EXPECT_EQ(file.state(), example(2000));
  EXPECT_FALSE(file.damaged());
}

TEST(State, ATornSlotLeavesTheOneBeforeIt) {
  TempDir dir;
  for (const off_t slot : {0, 4096}) {
    const std::string path = dir / ("sequence" + std::to_string(slot));
    {
      StateFile file{path};
      file.store(example(1000));  // generation 1, the second slot
      file.store(example(2000));  // generation 2, the first
    }
    flip_byte(path, slot + 40);
    StateFile file{path};
    EXPECT_EQ(file.state(), example(slot == 0 ? 1000 : 2000));
    EXPECT_TRUE(file.damaged());
  }
}

TEST(State, BothSlotsDamagedIsNoState) {
  TempDir dir;
  {
    StateFile file{dir / "sequence"};
    file.store(example(1000));
    file.store(example(2000));
  }
  flip_byte(dir / "sequence", 40);
  flip_byte(dir / "sequence", 4096 + 40);
  StateFile file{dir / "sequence"};
  EXPECT_FALSE(file.state());
  EXPECT_TRUE(file.damaged());
}

TEST(State, ASlotThatIsGoneIsDamage) {
  TempDir dir;
  const std::string path = dir / "sequence";
  {
    StateFile file{path};
    file.store(example(1000));
    EXPECT_EQ(read_state_file(path).damaged_slots, 0);  // the other was never written
    file.store(example(2000));
    EXPECT_EQ(read_state_file(path).damaged_slots, 0);
  }
  std::filesystem::resize_file(path, 4096);
  EXPECT_EQ(read_state_file(path).damaged_slots, 1);
  EXPECT_TRUE(StateFile{path}.damaged());  // and made longer by that
  EXPECT_EQ(read_state_file(path).damaged_slots, 1);
}

TEST(State, EveryFlippedBitOfASlotIsSeen) {
  const std::string text = slot_text(example(1000), 7);
  ASSERT_TRUE(parse_slot(text));
  EXPECT_EQ(parse_slot(text)->generation, 7U);
  for (size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 4);
    const auto slot = parse_slot(changed);
    EXPECT_FALSE(slot) << i;
  }
}

TEST(State, ASecondAgentIsRefused) {
  TempDir dir;
  const StateFile first{dir / "sequence"};
  try {
    const StateFile second{dir / "sequence"};
    FAIL() << "the lock was given twice";
  } catch (const SystemError& error) {
    EXPECT_EQ(error.what(), "lock " + (dir / "sequence") +
                                ": another natledger uses this state (give each its own "
                                "ledger.state)");
  }
}

}  // namespace
}  // namespace natledger
