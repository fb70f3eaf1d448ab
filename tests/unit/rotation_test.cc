// SPDX-License-Identifier: GPL-2.0-or-later
// A ledger that begins a new segment while it is written, and every place at which that can end.
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/log.h"
#include "ledger/checksum.h"
#include "ledger/covered_mark.h"
#include "unit/ledger_fixture.h"

namespace {
int fdatasync_refuses_with = 0;
}

// In the place of the C library's: a disk under the segments that refuses when it is told to.
extern "C" int fdatasync(int fd) {
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const std::string path = std::filesystem::read_symlink(link);
  const bool is_segment = path.find("/conntrack") != std::string::npos;
  if (fdatasync_refuses_with == 0 || !is_segment)
    return static_cast<int>(::syscall(SYS_fdatasync, fd));
  errno = fdatasync_refuses_with;
  return -1;
}

namespace natledger {
namespace {

using namespace std::chrono_literals;

const TimePoint kAt = *parse_rfc3339("2026-11-22T12:00:00Z");

class RotationTest : public LedgerTest {
 protected:
  void SetUp() override {
    rotate_.size = 1000;
    open_log({.level = "error", .to = dir_ / "log"});
    open();
  }
  void TearDown() override {
    fdatasync_refuses_with = 0;
    open_log({});
  }

  // Lines until the segment is full.
  void fill() {
    while (ledger_->active_bytes() < 1000) write();
  }
  std::string log() const { return read_file(dir_ / "log").value_or(""); }

  // The next start takes what it finds for a kill, with every line there.
  void expect_killed_only(uint64_t lines) {
    kill();
    open();
    EXPECT_EQ(ledger_->opening().plan.before, StartPlan::Before::kKilled);
    EXPECT_EQ(ledger_->next_sequence(), lines + 1);
    EXPECT_EQ(ledger_->opening().plan.skipped_from, 0U);
    ASSERT_TRUE(ledger_->seal_before().has_value());
    EXPECT_EQ(ledger_->seal_before()->name, sealed_name(1));
    EXPECT_EQ(ledger_->seal_before()->last, lines);
    write();
    EXPECT_EQ(sequences().back(), lines + 1);
    EXPECT_EQ(sequences().size(), lines + 1);
  }
};

TEST_F(RotationTest, AFullSegmentIsSealedAndTheNextBegun) {
  write();
  EXPECT_FALSE(ledger_->rotate(kAt)) << "it is not full";
  fill();
  const std::string content = *read_file(active());
  const uint64_t last = ledger_->next_sequence() - 1;
  const ino_t before = inode(active());
  const auto rotation = ledger_->rotate(kAt);
  ASSERT_TRUE(rotation && rotation->seal);
  EXPECT_EQ(*rotation->seal,
            (SegmentSeal{sealed_name(1), 1, last, content.size(), sha256_hex(content), ""}));
  EXPECT_FALSE(rotation->unsynced_from.known());
  EXPECT_EQ(inode(sealed(1)), before);
  EXPECT_EQ(read_file(active()), "");
  EXPECT_EQ(status(active()).st_mode & 0777, 0640U);
  EXPECT_FALSE(ledger_->rotate(kAt)) << "it is empty";
  fill();
  ASSERT_TRUE(ledger_->rotate(kAt));
  EXPECT_TRUE(std::filesystem::exists(sealed(last + 1)));
  stop();
  EXPECT_EQ(list_sealed(dir_ / "ledger").size(), 2U);
}

TEST_F(RotationTest, TheSealIsTheSameWhoeverHasHashedTheBeginning) {
  write();
  EXPECT_FALSE(ledger_->hash_behind()) << "that was all";
  fill();
  ledger_->hash_behind();
  write();
  const std::string content = *read_file(active());
  const auto rotation = ledger_->rotate(kAt);
  ASSERT_TRUE(rotation && rotation->seal);
  EXPECT_EQ(rotation->seal->sha256, sha256_hex(content));
}

TEST_F(RotationTest, WhatACleanStopLeftIsSealedWithTheRest) {
  write();
  stop();
  open();
  fill();
  const std::string content = *read_file(active());
  const auto rotation = ledger_->rotate(kAt);
  ASSERT_TRUE(rotation && rotation->seal);
  EXPECT_EQ(rotation->seal->first, 1U);
  EXPECT_EQ(rotation->seal->sha256, sha256_hex(content));
}

TEST_F(RotationTest, TheSealSaysWhatItsOwnSegmentSaysOfTheOneBefore) {
  append_bytes(R"({"event.action":"segment-sealed","event.sequence":1,)"
               R"("coverage.segment.sha256":"ab"})"
               "\n");
  fill();
  const auto rotation = ledger_->rotate(kAt);
  ASSERT_TRUE(rotation && rotation->seal);
  EXPECT_EQ(rotation->seal->previous, "ab");
}

TEST_F(RotationTest, AnIdleSegmentIsSealedByItsAge) {
  EXPECT_FALSE(ledger_->rotate(kAt));
  write();
  EXPECT_FALSE(ledger_->rotate(kAt)) << "its age counts from now";
  EXPECT_FALSE(ledger_->rotate(kAt + 23h));
  ASSERT_TRUE(ledger_->rotate(kAt + 24h));
  EXPECT_FALSE(ledger_->rotate(kAt + 240h)) << "an empty one is never sealed";
  write();
  ASSERT_TRUE(ledger_->rotate(kAt + 240h)) << "it was begun ten days ago";
  write();
  EXPECT_FALSE(ledger_->rotate(kAt)) << "the clock was set back";
  EXPECT_FALSE(ledger_->rotate(kAt + 23h));
  EXPECT_TRUE(ledger_->rotate(kAt + 24h));
}

TEST_F(RotationTest, AgeZeroIsNever) {
  rotate_.age = 0h;
  kill();
  open();
  write();
  EXPECT_FALSE(ledger_->rotate(kAt));
  EXPECT_FALSE(ledger_->rotate(kAt + 99999h));
}

TEST_F(RotationTest, KilledBeforeTheNewFileWasMade) {
  fill();
  std::filesystem::rename(active(), sealed(1));
  expect_killed_only(ledger_->next_sequence() - 1);
}

TEST_F(RotationTest, KilledBeforeTheStateKnewTheNewFile) {
  fill();
  std::filesystem::rename(active(), sealed(1));
  std::ofstream{active()};
  expect_killed_only(ledger_->next_sequence() - 1);
}

TEST_F(RotationTest, KilledBeforeTheSealWasWritten) {
  fill();
  ASSERT_TRUE(ledger_->rotate(kAt));
  expect_killed_only(ledger_->next_sequence() - 1);
}

TEST_F(RotationTest, KilledWithinTheLineOfTheSeal) {
  fill();
  const uint64_t last = ledger_->next_sequence() - 1;
  ASSERT_TRUE(ledger_->rotate(kAt));
  append_bytes(R"({"event.action":"segment-seal)");
  kill();
  open();
  EXPECT_EQ(ledger_->opening().plan.before, StartPlan::Before::kKilled);
  EXPECT_TRUE(std::filesystem::exists(sealed(last + 1)));
  EXPECT_EQ(ledger_->opening().plan.skipped_from, last + 1);
  EXPECT_EQ(ledger_->opening().plan.skipped_to, last + 1);
}

TEST_F(RotationTest, WhereNoFileCanBeMadeItGoesOnInTheOldOne) {
  fill();
  const ino_t before = inode(active());
  struct rlimit limit {};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const struct rlimit none {
    0, limit.rlim_max
  };
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto refused = ledger_->rotate(kAt);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_FALSE(refused);
  EXPECT_NE(log().find("error: begin a new segment of the ledger: open " + active() +
                       ": Too many open files; it goes on in " + active() +
                       ", and tries again in a minute"),
            std::string::npos)
      << log();
  EXPECT_EQ(inode(active()), before);
  write();
  const std::string content = *read_file(active());
  EXPECT_FALSE(ledger_->rotate(kAt + 59s));
  const auto rotation = ledger_->rotate(kAt + 60s);
  ASSERT_TRUE(rotation && rotation->seal);
  EXPECT_EQ(rotation->seal->sha256, sha256_hex(content));
  EXPECT_EQ(inode(sealed(1)), before);
}

TEST_F(RotationTest, NoOtherFileIsOverwritten) {
  fill();
  std::ofstream{sealed(1)} << "somebody's";
  EXPECT_FALSE(ledger_->rotate(kAt));
  EXPECT_EQ(read_file(sealed(1)), "somebody's");
  write();
  std::filesystem::remove(sealed(1));
  EXPECT_TRUE(ledger_->rotate(kAt + 60s));
}

TEST_F(RotationTest, AFileThatTookTheActiveOnesPlaceIsNotSealed) {
  fill();
  std::filesystem::rename(active(), dir_ / "moved");
  std::ofstream{active()} << "somebody's";
  EXPECT_FALSE(ledger_->rotate(kAt));
  EXPECT_EQ(read_file(active()), "somebody's");
  EXPECT_NE(log().find("another file has taken its place"), std::string::npos) << log();
}

TEST_F(RotationTest, BehindARefusedSyncANewSegmentIsBegunAndTheGapSaid) {
  LedgerOptions every_second = options();
  every_second.sync = "1s";
  kill();
  ledger_ = std::make_unique<Ledger>(every_second);
  write();
  ledger_->mark_covered(kAt);
  EXPECT_EQ(ledger_->housekeep(kAt), 0);
  write();
  ledger_->mark_covered(kAt + 1s);
  fdatasync_refuses_with = EIO;
  EXPECT_EQ(ledger_->housekeep(kAt + 1s), EIO);
  fdatasync_refuses_with = 0;
  EXPECT_EQ(ledger_->housekeep(kAt + 2s), EIO) << "a later success proves nothing";
  const auto rotation = ledger_->rotate(kAt + 3s);
  ASSERT_TRUE(rotation && rotation->seal);
  EXPECT_EQ(rotation->unsynced_from, kAt);
  write();
  ledger_->mark_covered(kAt + 4s);
  EXPECT_EQ(ledger_->housekeep(kAt + 4s), 0) << "the new file is another";
  EXPECT_FALSE(ledger_->rotate(kAt + 5s));
  stop();
}

TEST_F(RotationTest, ADiskThatNeverSyncsIsNotFilledWithSegments) {
  fill();
  fdatasync_refuses_with = EIO;
  ASSERT_TRUE(ledger_->rotate(kAt));
  fill();
  EXPECT_FALSE(ledger_->rotate(kAt + 59s));
  EXPECT_TRUE(ledger_->rotate(kAt + 60s));
}

}  // namespace
}  // namespace natledger
