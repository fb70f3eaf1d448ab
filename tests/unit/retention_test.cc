// SPDX-License-Identifier: GPL-2.0-or-later
// Which segments are removed, for which reason, and what a kill in the middle leaves.
#include "ledger/retention.h"

#include <sys/statvfs.h>

#include <filesystem>
#include <fstream>
#include <set>

#include <gtest/gtest.h>

#include "ledger/archive.h"
#include "unit/ledger_fixture.h"

namespace natledger {
namespace {

using namespace std::chrono_literals;

// Of the lines that the fixture writes.
const TimePoint kWritten = *parse_rfc3339("2026-11-22T07:09:00Z");

class RetentionTest : public LedgerTest {
 protected:
  // Segments 1, 3 and 5 of two lines each, and the active one with a line.
  void SetUp() override {
    rotate_.size = 1;
    keep_ = {.age = 0h, .size = 0, .free = 0};
    open();
    for (int i = 0; i < 3; ++i) {
      write();
      write();
      ASSERT_TRUE(ledger_->rotate(kWritten));
    }
    write();
  }

  size_t remove_due(KeepOptions keep, TimePoint at) {
    LedgerOptions options = this->options();
    options.keep = keep;
    return Retention{*ledger_, options}.remove_due(at);
  }
  std::set<uint64_t> left() const {
    std::set<uint64_t> found;
    for (const SealedSegment& sealed : list_sealed(dir_ / "ledger")) {
      found.insert(sealed.first_sequence);
    }
    return found;
  }
  void archive(uint64_t first) {
    ASSERT_TRUE(write_archive(sealed(first), sealed(first) + ".zst", [] { return true; }));
    std::filesystem::remove(sealed(first));
  }
  uint64_t bytes_of(uint64_t first) const { return std::filesystem::file_size(sealed(first)); }

  using Numbers = std::set<uint64_t>;
};

TEST_F(RetentionTest, NothingGoesWithoutARule) {
  EXPECT_EQ(remove_due({.age = 0h, .size = 0, .free = 0}, now() + 99999h), 0U);
  EXPECT_EQ(left(), (Numbers{1, 3, 5}));
  EXPECT_EQ(ledger_->kept_from(), 0U);
}

TEST_F(RetentionTest, AgeCountsFromTheNewestLine) {
  const KeepOptions keep{.age = 100h, .size = 0, .free = 0};
  EXPECT_EQ(remove_due(keep, kWritten + 100h), 0U);
  // Sealed just now, by the clock of the file system, they may not have been read yet.
  const TimePoint later = now() + 11min;
  ASSERT_GT(later, kWritten);
  EXPECT_EQ(remove_due({.age = later - kWritten, .size = 0, .free = 0}, later), 0U);
  EXPECT_EQ(remove_due({.age = later - kWritten - 1s, .size = 0, .free = 0}, later), 3U);
  EXPECT_EQ(left(), Numbers{});
  EXPECT_EQ(ledger_->kept_from(), 7U);
  EXPECT_EQ(sequences(), (std::vector<uint64_t>{7}));
}

// It was written when the flow was found in the table, however old that flow is.
TEST_F(RetentionTest, AnInferredStartIsAsOldAsItsFinding) {
  const TimePoint later = now() + 11min;
  ASSERT_EQ(remove_due({.age = later - kWritten - 1s, .size = 0, .free = 0}, later), 3U);
  ledger_->append(R"({"@timestamp": "2026-11-01T00:00:00.000000Z", "event.sequence": 8, )"
                  R"("event.reason": "inferred", )"
                  R"("flow.start.not_after": "2026-11-22T07:09:00.000000Z"})"
                  "\n");
  ASSERT_EQ(ledger_->flush(), 0);
  ASSERT_TRUE(ledger_->rotate(kWritten));
  write();
  EXPECT_EQ(remove_due({.age = later - kWritten, .size = 0, .free = 0}, later), 0U);
  EXPECT_EQ(left(), Numbers{7});
  EXPECT_EQ(remove_due({.age = later - kWritten - 1s, .size = 0, .free = 0}, later), 1U);
}

TEST_F(RetentionTest, TailersHaveTenMinutes) {
  EXPECT_EQ(remove_due({.age = 1ns, .size = 1, .free = 0}, now() + 9min), 0U);
  archive(1);
  EXPECT_EQ(remove_due({.age = 1ns, .size = 1, .free = 0}, now() + 9min), 1U)
      << "no tailer reads an archive";
  EXPECT_EQ(left(), (Numbers{3, 5}));
  EXPECT_EQ(remove_due({.age = 1ns, .size = 1, .free = 0}, now() + 11min), 2U);
}

TEST_F(RetentionTest, TheOldestGoUntilTheRestIsSmallEnough) {
  const uint64_t all = bytes_of(1) + bytes_of(3) + bytes_of(5) + ledger_->active_bytes();
  EXPECT_EQ(remove_due({.age = 0h, .size = all, .free = 0}, now() + 1h), 0U);
  EXPECT_EQ(remove_due({.age = 0h, .size = all - 1, .free = 0}, now() + 1h), 1U);
  EXPECT_EQ(left(), (Numbers{3, 5}));
  EXPECT_EQ(ledger_->kept_from(), 3U);
}

TEST_F(RetentionTest, ForRoomTheOldestGoAtOnceAndOnlyAsManyAsAreNeeded) {
  struct statvfs status {};
  ASSERT_EQ(::statvfs(dir_.path().c_str(), &status), 0);
  const uint64_t free = status.f_bavail * 100 / status.f_blocks;
  if (free >= 99) GTEST_SKIP() << "this file system is empty";
  EXPECT_EQ(remove_due({.age = 0h, .size = 0, .free = free}, now()), 0U);
  // No segment is a hundredth of the disk.
  EXPECT_EQ(remove_due({.age = 0h, .size = 0, .free = free + 2}, now()), 3U);
  EXPECT_EQ(sequences(), (std::vector<uint64_t>{7}));
}

TEST_F(RetentionTest, WhatWasMadeFromASegmentGoesWithIt) {
  archive(1);
  for (const char* end : {".idx", ".open", ".long"}) {
    std::ofstream{dir_ / ("ledger/conntrack-0000000000000000001" + std::string{end})};
    std::ofstream{dir_ / ("ledger/conntrack-0000000000000000003" + std::string{end})};
  }
  EXPECT_EQ(remove_due({.age = 1ns, .size = 0, .free = 0}, now()), 1U);
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator{dir_ / "ledger"}) {
    names.insert(entry.path().filename());
  }
  EXPECT_EQ(names, (std::set<std::string>{
                       "conntrack-0000000000000000003.idx", "conntrack-0000000000000000003.json",
                       "conntrack-0000000000000000003.long", "conntrack-0000000000000000003.open",
                       "conntrack-0000000000000000005.json", "conntrack.json"}));
}

TEST_F(RetentionTest, WhatAKillLeftBelowTheBoundGoes) {
  ledger_->keep_from(5);
  kill();
  open();
  EXPECT_EQ(ledger_->kept_from(), 5U);
  EXPECT_EQ(remove_due({.age = 0h, .size = 0, .free = 0}, now()), 2U);
  EXPECT_EQ(left(), (Numbers{5, 7}));
  EXPECT_EQ(ledger_->kept_from(), 5U);
}

TEST_F(RetentionTest, TheLastSegmentWithALineStays) {
  ASSERT_TRUE(ledger_->rotate(kWritten));
  EXPECT_EQ(remove_due({.age = 1ns, .size = 0, .free = 0}, now() + 1h), 3U);
  EXPECT_EQ(left(), (Numbers{7}));
  EXPECT_EQ(ledger_->kept_from(), 7U);
  kill();
  open();
  EXPECT_EQ(ledger_->opening().plan.before, StartPlan::Before::kKilled);
  EXPECT_EQ(ledger_->next_sequence(), 8U);
}

TEST_F(RetentionTest, AStartWithoutAStateTakesTheOldestForTheFirst) {
  EXPECT_EQ(remove_due({.age = 0h, .size = 1, .free = 0}, now() + 1h), 3U);
  ASSERT_TRUE(ledger_->rotate(kWritten));
  write();
  stop();
  std::filesystem::remove_all(dir_ / "state");
  open();
  EXPECT_EQ(ledger_->kept_from(), 7U);
}

}  // namespace
}  // namespace natledger
