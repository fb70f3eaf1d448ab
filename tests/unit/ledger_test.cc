// SPDX-License-Identifier: GPL-2.0-or-later
// A ledger opened, written, left in each way an agent can leave it, and opened again.
#include "ledger/ledger.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/error.h"
#include "ledger/archive.h"
#include "unit/ledger_fixture.h"

namespace natledger {
namespace {

TEST_F(LedgerTest, ACleanStopGoesOnInTheSameFile) {
  open();
  write();
  write();
  const ino_t before = inode(active());
  const std::string prefix = ledger_->id_prefix();
  stop();
  open();
  EXPECT_EQ(ledger_->opening().plan.before, StartPlan::Before::kCleanStop);
  EXPECT_EQ(ledger_->opening().covered_to, (TimePoint{1000}));
  write();
  EXPECT_EQ(inode(active()), before);
  EXPECT_EQ(sequences(), (std::vector<uint64_t>{1, 2, 3}));
  // The same ledger, another epoch.
  EXPECT_EQ(ledger_->id_prefix().substr(0, 13), prefix.substr(0, 13));
  EXPECT_NE(ledger_->id_prefix(), prefix);
}

TEST_F(LedgerTest, AKillSealsWhatItLeft) {
  open();
  write();
  write();
  const ino_t before = inode(active());
  kill();
  open();
  EXPECT_EQ(ledger_->opening().plan.before, StartPlan::Before::kKilled);
  EXPECT_EQ(inode(sealed(1)), before);
  EXPECT_EQ(read_file(active()), "");
  write();
  EXPECT_EQ(sequences(), (std::vector<uint64_t>{1, 2, 3}));
}

TEST_F(LedgerTest, RoomAheadOfTheFileIsGivenBack) {
  constexpr uint64_t kMiB = 1 << 20;
  const UniqueFd probe = open_file(dir_ / "probe", O_WRONLY | O_CREAT, 0600);
  if (::fallocate(probe.get(), FALLOC_FL_KEEP_SIZE, 0, 4096) < 0 && errno == EOPNOTSUPP) {
    GTEST_SKIP() << "this file system allocates nothing ahead";
  }
  open();
  write();
  const struct stat before = status(active());
  ledger_->housekeep({1});
  const struct stat after = status(active());
  EXPECT_GE(blocks_bytes(after), 16 * kMiB);
  EXPECT_EQ(after.st_size, before.st_size);
  write();
  stop();
  EXPECT_LT(blocks_bytes(status(active())), kMiB);

  open();
  ledger_->housekeep({1});
  EXPECT_GE(blocks_bytes(status(active())), 16 * kMiB);
  write();
  kill();
  open();
  EXPECT_LT(blocks_bytes(status(sealed(1))), kMiB);
  EXPECT_EQ(sequences(), (std::vector<uint64_t>{1, 2, 3}));
}

TEST_F(LedgerTest, TheDiskIsLookedAfterBeforeTheIntervalIsOver) {
  for (const auto& [sync, period] :
       {std::pair{"1s", 200}, {"100ms", 20}, {"1ms", 10}, {"always", 200}, {"never", 200}}) {
    LedgerOptions options = this->options();
    options.sync = sync;
    EXPECT_EQ(Ledger{options}.housekeeping_period(), std::chrono::milliseconds{period}) << sync;
  }
}

TEST_F(LedgerTest, ATornLineIsEndedPassedOverAndNeverCompleted) {
  open();
  write();
  kill();
  append_bytes(R"({"what": "torn", "event.sequence": 2, "tags": ["a})");
  const std::string before = *read_file(active());
  open();
  EXPECT_EQ(read_file(sealed(1)), before + "\n");
  write();
  uint64_t torn = 0;
  EXPECT_EQ(sequences(&torn), (std::vector<uint64_t>{1, 2}));
  EXPECT_EQ(torn, 1U);
}

TEST_F(LedgerTest, ALineThatLacksOnlyItsEndIsNotNumberedAgain) {
  open();
  write();
  kill();
  append_bytes(R"({"what": "whole", "event.sequence": 2})");
  open();
  EXPECT_EQ(ledger_->next_sequence(), 3U);
  write();
  uint64_t torn = 0;
  EXPECT_EQ(sequences(&torn), (std::vector<uint64_t>{1, 2, 3}));
  EXPECT_EQ(torn, 0U);
}

TEST_F(LedgerTest, ZerosAfterAPowerCutAreTorn) {
  open();
  write();
  kill();
  append_bytes(std::string(5000, '\0'));
  open();
  write();
  uint64_t torn = 0;
  EXPECT_EQ(sequences(&torn), (std::vector<uint64_t>{1, 2}));
  EXPECT_EQ(torn, 1U);
}

TEST_F(LedgerTest, ATornFirstLineGivesItsNumberUp) {
  open();
  kill();
  append_bytes(R"({"what)");
  open();
  EXPECT_TRUE(std::filesystem::exists(sealed(1)));
  EXPECT_EQ(ledger_->next_sequence(), 2U);
  EXPECT_EQ(ledger_->opening().plan.skipped_from, 1U);
  EXPECT_EQ(ledger_->opening().plan.skipped_to, 1U);
  kill();
  append_bytes(R"({"what)");
  open();
  EXPECT_TRUE(std::filesystem::exists(sealed(2)));
  EXPECT_EQ(ledger_->next_sequence(), 3U);
}

TEST_F(LedgerTest, ARestoredLedgerUsesNoNumberTwice) {
  open();
  write();
  kill();
  std::filesystem::copy(dir_ / "ledger", dir_ / "yesterday");
  open();
  for (int i = 0; i < 10; ++i) write();
  kill();
  std::filesystem::remove_all(dir_ / "ledger");
  std::filesystem::rename(dir_ / "yesterday", dir_ / "ledger");
  open();
  EXPECT_EQ(ledger_->opening().plan.before, StartPlan::Before::kUnknown);
  const uint64_t next = ledger_->next_sequence();
  EXPECT_GT(next, 11U);
  // Nor when that one dies before its first line.
  kill();
  open();
  EXPECT_EQ(ledger_->opening().plan.before, StartPlan::Before::kKilled);
  EXPECT_EQ(ledger_->next_sequence(), next);
  EXPECT_EQ(ledger_->opening().plan.skipped_from, 2U);
  EXPECT_EQ(ledger_->opening().plan.skipped_to, next - 1);
}

// What the page of covered instants said was lost with the lines; no later start may believe it.
TEST_F(LedgerTest, AStartThatDiesBehindAPowerCutHidesNothing) {
  open();
  write();
  const TimePoint last_line = read_tail(active()).last_time;
  ledger_->mark_covered(last_line + std::chrono::hours{9});
  kill();
  std::filesystem::copy(active(), dir_ / "as-the-disk-had-it");
  std::filesystem::rename(dir_ / "as-the-disk-had-it", active());
  for (int i = 0; i < 3; ++i) {
    open();
    EXPECT_EQ(ledger_->opening().covered_to, last_line) << i;
    kill();
  }
}

TEST_F(LedgerTest, LinesLostAfterTheLastStartAreNotTakenForSkipped) {
  open();
  for (int i = 0; i < 8; ++i) write();
  const TimePoint last_line = read_tail(active()).last_time;
  ASSERT_TRUE(ledger_->close_clean(last_line + std::chrono::hours{9}));
  ledger_.reset();
  open();
  kill();
  std::string text = *read_file(active());
  text.resize(text.size() / 2);
  std::ofstream{active()} << text;
  open();
  EXPECT_EQ(ledger_->opening().plan.before, StartPlan::Before::kUnknown);
  EXPECT_EQ(ledger_->opening().covered_to, last_line);
  EXPECT_GT(ledger_->next_sequence(), 9U);
}

// As `cp` restores a copy: into the file that is there.
TEST_F(LedgerTest, AnEndCutOffBehindAKillIsNoKillAlone) {
  open();
  for (int i = 0; i < 2; ++i) write();
  const std::string yesterday = *read_file(active());
  const TimePoint last_line = read_tail(active()).last_time;
  write();
  ledger_->mark_covered(last_line + std::chrono::hours{9});
  kill();
  std::ofstream{active()} << yesterday;
  open();
  EXPECT_EQ(ledger_->opening().plan.before, StartPlan::Before::kUnknown);
  EXPECT_EQ(ledger_->opening().plan.skipped_from, 3U);
  EXPECT_GT(ledger_->next_sequence(), 4U);
  EXPECT_EQ(ledger_->opening().covered_to, last_line);
}

TEST_F(LedgerTest, WithoutAMarkTheLinesSayHowFarTheyReach) {
  for (const bool clean : {true, false}) {
    open();
    write();
    const TimePoint last_line = read_tail(active()).last_time;
    clean ? stop() : kill();
    std::filesystem::remove(dir_ / "state/covered");
    open();
    EXPECT_EQ(ledger_->opening().covered_to, last_line) << clean;
    kill();
  }
}

// Such a flow may be days older than its line.
TEST_F(LedgerTest, TheStartOfAFlowThatWasFoundSaysWhenItWasFound) {
  open();
  ledger_->append(R"({"@timestamp": "2026-11-01T00:00:00.000000Z", "event.sequence": 1, )"
                  R"("event.reason": "inferred", )"
                  R"("flow.start.not_after": "2026-11-22T07:09:00.000000Z"})"
                  "\n");
  ASSERT_EQ(ledger_->flush(), 0);
  kill();
  std::filesystem::remove(dir_ / "state/covered");
  open();
  EXPECT_EQ(ledger_->opening().covered_to, *parse_rfc3339("2026-11-22T07:09:00Z"));
}

TEST_F(LedgerTest, AMarkThatIsDamagedToALaterTimeHidesNothing) {
  open();
  write();
  const TimePoint covered_to = read_tail(active()).last_time;
  ledger_->mark_covered(covered_to);
  kill();
  std::string mark = *read_file(dir_ / "state/covered");
  mark.at(14) = static_cast<char>(mark[14] ^ 0x10);  // of written_to, by days
  std::ofstream{dir_ / "state/covered", std::ios::binary} << mark;
  open();
  EXPECT_EQ(ledger_->opening().covered_to, covered_to);
}

TEST_F(LedgerTest, AnOldCopyDoesNotTakeTheNameOfAnArchive) {
  open();
  write();
  kill();
  std::filesystem::copy(active(), dir_ / "old");
  open();
  ASSERT_TRUE(write_archive(sealed(1), sealed(1) + ".zst", [] { return true; }));
  std::filesystem::remove(sealed(1));
  kill();
  std::filesystem::rename(dir_ / "old", active());
  try {
    open();
    FAIL() << "opened";
  } catch (const SystemError& error) {
    EXPECT_NE(std::string{error.what()}.find(".zst is there, so an old copy was put back"),
              std::string::npos)
        << error.what();
  }
}

TEST_F(LedgerTest, ARestoredStateUsesNoNumberTwice) {
  open();
  write();
  stop();
  std::filesystem::copy(dir_ / "state", dir_ / "yesterday");
  open();
  for (int i = 0; i < 10; ++i) write();
  stop();
  std::filesystem::remove_all(dir_ / "state");
  std::filesystem::rename(dir_ / "yesterday", dir_ / "state");
  open();
  EXPECT_GE(ledger_->next_sequence(), 12U);
}

TEST_F(LedgerTest, ALostStateKeepsTheLedgersId) {
  open();
  write();
  const std::string id = ledger_->id_prefix().substr(0, 12);
  stop();
  std::filesystem::remove_all(dir_ / "state");
  open();
  EXPECT_EQ(ledger_->id_prefix().substr(0, 12), id);
  EXPECT_EQ(ledger_->next_sequence(), 2 + kReserveStep);
}

TEST_F(LedgerTest, ANumberIsReservedBeforeItIsUsed) {
  open();
  write();
  {
    // What the state on disk says while the agent runs.
    const auto slots = *read_file(dir_ / "state/sequence");
    uint64_t reserved = 0;
    for (const size_t at : {size_t{0}, size_t{4096}}) {
      const auto slot = parse_slot(std::string_view{slots}.substr(at, 4096));
      if (slot) reserved = std::max(reserved, slot->state.reserved_to);
    }
    EXPECT_GE(reserved, ledger_->next_sequence());
  }
}

TEST_F(LedgerTest, ModesAreWhateverTheUmaskIs) {
  const mode_t umask_before = ::umask(0);
  open();
  ::umask(umask_before);
  struct stat status {};
  ASSERT_EQ(::stat((dir_ / "ledger").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0750U);
  ASSERT_EQ(::stat(active().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640U);
}

TEST_F(LedgerTest, ASecondAgentIsRefused) {
  open();
  LedgerOptions other = options();
  other.state = dir_ / "other-state";
  try {
    const Ledger second{other};
    FAIL() << "the lock was given twice";
  } catch (const SystemError& error) {
    EXPECT_EQ(error.what(), "lock ledger " + other.directory +
                                ": another natledger writes it (stop that one, or give this one "
                                "its own ledger.directory)");
  }
  EXPECT_TRUE(is_being_written(options().directory));
  kill();
  EXPECT_FALSE(is_being_written(options().directory));
}

TEST_F(LedgerTest, AMissingGroupIsNamed) {
  LedgerOptions other = options();
  other.group = "no-such-group";
  try {
    const Ledger ledger{other};
    FAIL() << "opened";
  } catch (const SystemError& error) {
    EXPECT_STREQ(error.what(),
                 "find group no-such-group: there is none (see ledger.group; \"\" for none)");
  }
}

TEST_F(LedgerTest, AMissingParentIsNamed) {
  LedgerOptions other = options();
  other.directory = dir_ / "no/such/ledger";
  try {
    const Ledger ledger{other};
    FAIL() << "opened";
  } catch (const SystemError& error) {
    EXPECT_EQ(error.what(), "make directory " + other.directory +
                                ": No such file or directory (see ledger.directory)");
  }
}

}  // namespace
}  // namespace natledger
