// SPDX-License-Identifier: GPL-2.0-or-later
// Segments read back: what is at their ends, what stands in archives, what comes while one reads.
#include "ledger/reader.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/error.h"
#include "ledger/archive.h"
#include "ledger/checksum.h"
#include "unit/ledger_fixture.h"

namespace natledger {
namespace {

TEST_F(LedgerTest, ANewSegmentKnowsTheOneBefore) {
  open();
  EXPECT_FALSE(ledger_->seal_before().has_value());
  write();
  write();
  append_bytes("{\"torn");
  kill();
  open();
  const std::string before = *read_file(sealed(1));
  ASSERT_TRUE(before.ends_with("{\"torn\n"));
  EXPECT_EQ(ledger_->seal_before(),
            (SegmentSeal{sealed_name(1), 1, 2, before.size(), sha256_hex(before), ""}));
  // A crash before the first line: the next start says it again.
  kill();
  open();
  ASSERT_TRUE(ledger_->seal_before().has_value());
  EXPECT_EQ(ledger_->seal_before()->name, sealed_name(1));
  write();
  stop();
  open();
  EXPECT_FALSE(ledger_->seal_before().has_value());
}

TEST_F(LedgerTest, GoesOnBehindAnArchive) {
  open();
  write();
  write();
  kill();
  open();
  ASSERT_TRUE(write_archive(sealed(1), sealed(1) + ".zst", [] { return true; }));
  std::filesystem::remove(sealed(1));
  kill();
  open();
  EXPECT_EQ(ledger_->next_sequence(), 3U);
  ASSERT_TRUE(ledger_->seal_before().has_value());
  EXPECT_EQ(ledger_->seal_before()->last, 2U);
  write();
  EXPECT_EQ(sequences(), (std::vector<uint64_t>{1, 2, 3}));
}

std::vector<uint64_t> rest_of(LedgerReader& reader) {
  std::vector<uint64_t> found;
  LedgerLine line;
  do {
    while (reader.next(line)) found.push_back(line.sequence);
  } while (reader.advance());
  return found;
}

TEST_F(LedgerTest, AReaderFollowsOverSeals) {
  open();
  write();
  LedgerReader reader{dir_ / "ledger"};
  EXPECT_EQ(rest_of(reader), (std::vector<uint64_t>{1}));
  EXPECT_EQ(rest_of(reader), (std::vector<uint64_t>{}));
  write();  // what is left of a segment that is sealed ...
  kill();
  open();
  write();  // ... and two more behind it
  kill();
  open();
  write();
  EXPECT_EQ(rest_of(reader), (std::vector<uint64_t>{2, 3, 4}));
  // Sealed before anything of it was read.
  kill();
  open();
  EXPECT_EQ(rest_of(reader), (std::vector<uint64_t>{}));
  write();
  kill();
  open();
  ASSERT_TRUE(write_archive(sealed(5), sealed(5) + ".zst", [] { return true; }));
  std::filesystem::remove(sealed(5));
  write();
  EXPECT_EQ(rest_of(reader), (std::vector<uint64_t>{5, 6}));
  EXPECT_EQ(reader.torn_lines(), 0U);
}

TEST_F(LedgerTest, AFollowerOfWhatNobodyWritesWaits) {
  open();
  write();
  kill();
  std::filesystem::rename(active(), sealed(1));
  std::ofstream{sealed(2)} << "torn";
  LedgerReader reader{dir_ / "ledger"};
  EXPECT_EQ(rest_of(reader), (std::vector<uint64_t>{1}));
  EXPECT_FALSE(reader.advance());
  std::filesystem::rename(sealed(1), dir_ / "away");
  std::filesystem::rename(sealed(2), dir_ / "away2");
  EXPECT_FALSE(reader.advance());
}

TEST(LedgerReader, OfAnEmptyDirectorySaysSo) {
  TempDir dir;
  try {
    const LedgerReader reader{dir.path()};
    FAIL() << "read";
  } catch (const SystemError& error) {
    EXPECT_EQ(error.what(), "read ledger " + dir.path() +
                                ": no conntrack*.json in it (give the ledger's directory; root and "
                                "ledger.group may read it)");
  }
}

TEST(Segment, TailOfALongFileIsFoundFromItsEnd) {
  TempDir dir;
  std::ofstream out{dir / "s"};
  out << "torn start\n";
  for (int i = 3; i <= 5000; ++i) {
    out << R"({"pad": ")" << std::string(100, 'p') << R"(", "event.sequence": )" << i << "}\n";
  }
  out << std::string(200'000, 'z');
  out.close();
  const SegmentTail tail = read_tail(dir / "s");
  EXPECT_EQ(tail.first_sequence, 3U);
  EXPECT_EQ(tail.last_sequence, 5000U);
  EXPECT_EQ(tail.torn_bytes, 200'000U);
  EXPECT_FALSE(tail.ends_in_newline);
}

TEST(Segment, TheEndIsFoundBehindMegabytesOfZeros) {
  TempDir dir;
  std::ofstream{dir / "s"} << "{\"event.sequence\": 7}\n" << std::string(64 << 20, '\0');
  const SegmentTail tail = read_tail(dir / "s");
  EXPECT_EQ(tail.last_sequence, 7U);
  EXPECT_EQ(tail.torn_bytes, uint64_t{64} << 20);
}

TEST(Segment, NamesSortAndNeverLookLikeOthers) {
  EXPECT_EQ(sealed_name(1834221), "conntrack-0000000000001834221.json");
  TempDir dir;
  for (const char* name :
       {"conntrack-0000000000000000009.json", "conntrack-0000000000000000010.json",
        "conntrack-9.json", "conntrack-000000000000000000x.json",
        "conntrack-0000000000000000001.json.zst", "conntrack-9999999999999999999.json",
        "conntrack.json", "other"}) {
    std::ofstream{dir / name};
  }
  const auto sealed = list_sealed(dir.path());
  ASSERT_EQ(sealed.size(), 3U);
  EXPECT_EQ(sealed[0].first_sequence, 1U);
  EXPECT_TRUE(sealed[0].archived);
  EXPECT_EQ(sealed[1].first_sequence, 9U);
  EXPECT_EQ(sealed[2].first_sequence, 10U);
  EXPECT_FALSE(sealed[2].archived);
}

}  // namespace
}  // namespace natledger
