// SPDX-License-Identifier: GPL-2.0-or-later
// Which segments become archives, when, and what is there after each way in which that can end.
#include "ledger/archiver.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <set>

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "ledger/archive.h"
#include "ledger/segment.h"
#include "unit/test_support.h"

namespace natledger {
namespace {

using namespace std::chrono_literals;

class ArchiverTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const uint64_t first : {1U, 2U, 3U}) put(sealed_name(first));
    put("conntrack.json");
  }
  void put(const std::string& name) const { std::ofstream{dir_ / name} << name << "\n"; }
  std::set<std::string> names() const {
    std::set<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator{dir_.path()}) {
      found.insert(entry.path().filename());
    }
    return found;
  }

  TempDir dir_;
  Archiver archiver_{dir_.path(), 1h};
};

std::string archived_name(uint64_t first) { return sealed_name(first) + ".zst"; }

TEST_F(ArchiverTest, OnlyWhatIsDueAndTheOldestFirst) {
  EXPECT_FALSE(archiver_.archive_next(now() + 59min, always));
  EXPECT_TRUE(archiver_.archive_next(now() + 61min, always));
  EXPECT_EQ(names(), (std::set<std::string>{archived_name(1), sealed_name(2), sealed_name(3),
                                            "conntrack.json"}));
  EXPECT_TRUE(archiver_.archive_next(now() + 61min, always));
  EXPECT_TRUE(archiver_.archive_next(now() + 61min, always));
  EXPECT_FALSE(archiver_.archive_next(now() + 61min, always));
  EXPECT_EQ(names(), (std::set<std::string>{archived_name(1), archived_name(2), archived_name(3),
                                            "conntrack.json"}));
}

TEST_F(ArchiverTest, ZeroIsNever) {
  EXPECT_FALSE((Archiver{dir_.path(), 0h}.archive_next(now() + 9999h, always)));
}

TEST_F(ArchiverTest, KeepsModeAndTakesTheSegmentAway) {
  ASSERT_EQ(::chmod((dir_ / sealed_name(1)).c_str(), 0604), 0);
  ASSERT_TRUE(archiver_.archive_next(now() + 2h, always));
  struct stat status {};
  ASSERT_EQ(::stat((dir_ / archived_name(1)).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0604U);
}

TEST_F(ArchiverTest, StoppedItLeavesTheSegmentAndNothingElse) {
  const auto before = names();
  EXPECT_FALSE(archiver_.archive_next(now() + 2h, [] { return false; }));
  EXPECT_EQ(names(), before);
}

TEST_F(ArchiverTest, BesideADamagedArchiveTheSegmentIsArchivedAgain) {
  put(archived_name(1));
  ASSERT_TRUE(archiver_.archive_next(now() + 2h, always));
  EXPECT_EQ(names().count(sealed_name(1)), 0U);
  EXPECT_NE(read_file(dir_ / archived_name(1)), archived_name(1) + "\n");
}

TEST_F(ArchiverTest, AnArchiveOfSomethingElseIsNotReplaced) {
  put("other");
  ASSERT_TRUE(write_archive(dir_ / "other", dir_ / archived_name(1), always));
  const auto before = read_file(dir_ / archived_name(1));
  EXPECT_THROW(archiver_.archive_next(now() + 2h, always), SystemError);
  EXPECT_EQ(read_file(dir_ / archived_name(1)), before);
  EXPECT_EQ(names().count(sealed_name(1)), 1U);
}

TEST_F(ArchiverTest, BesideItsOwnArchiveTheSegmentGoes) {
  ASSERT_TRUE(write_archive(dir_ / sealed_name(1), dir_ / archived_name(1), always));
  const auto before = read_file(dir_ / archived_name(1));
  ASSERT_TRUE(archiver_.archive_next(now() + 2h, always));
  EXPECT_EQ(read_file(dir_ / archived_name(1)), before);
  EXPECT_EQ(names().count(sealed_name(1)), 0U);
}

TEST_F(ArchiverTest, WhatCannotBeWrittenIsSaidAndLeavesTheSegment) {
  std::filesystem::create_directory(dir_ / (archived_name(1) + ".tmp"));
  EXPECT_THROW(archiver_.archive_next(now() + 2h, always), SystemError);
  EXPECT_EQ(names().count(sealed_name(1)), 1U);
}

TEST_F(ArchiverTest, OneThatFailsDoesNotHoldUpTheOthers) {
  std::filesystem::create_directory(dir_ / (archived_name(1) + ".tmp"));
  EXPECT_THROW(archiver_.archive_next(now() + 2h, always), SystemError);
  EXPECT_TRUE(archiver_.archive_next(now() + 2h, always));
  EXPECT_TRUE(archiver_.archive_next(now() + 2h, always));
  EXPECT_FALSE(archiver_.archive_next(now() + 2h, always));
  std::filesystem::remove(dir_ / (archived_name(1) + ".tmp"));
  EXPECT_TRUE(archiver_.archive_next(now() + 2h, always));
  EXPECT_EQ(names().count(sealed_name(1)), 0U);
}

TEST_F(ArchiverTest, LeftoversGoAtTheStart) {
  put(archived_name(1) + ".tmp");
  put("other.tmp");
  std::filesystem::create_directories(dir_ / "conntrack-x.tmp/y");  // not ours
  archiver_.remove_leftovers();
  EXPECT_EQ(names().count(archived_name(1) + ".tmp"), 0U);
  EXPECT_EQ(names().count("other.tmp"), 1U);
}

}  // namespace
}  // namespace natledger
