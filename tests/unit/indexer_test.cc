// SPDX-License-Identifier: GPL-2.0-or-later
// Indexes and tables of open flows: made, kept, damaged, made again, and held to their segments.
#include "ledger/indexer.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "ledger/archive.h"
#include "ledger/open_table.h"
#include "ledger/reader.h"
#include "ledger/segment_index.h"
#include "ledger/segment_lines.h"
#include "lookup/line_facts.h"
#include "lookup/traffic.h"
#include "lookup/verify.h"
#include "unit/test_support.h"

namespace natledger {
namespace {

constexpr int kSegments = 4;
constexpr uint64_t kSmallStep = 16 << 10;

class IndexerTest : public testing::Test {
 protected:
  void SetUp() override {
    make_traffic({directory(), 2000, kSegments, 7});
    sealed_ = list_sealed(directory());
    ASSERT_EQ(sealed_.size(), kSegments - 1);
  }

  std::string directory() const { return dir_ / "ledger"; }
  void index_all(uint64_t step = Indexer::kActiveStepBytes) const {
    Indexer indexer{directory(), read_line_facts, step};
    while (indexer.index_next(always)) {
    }
  }
  std::vector<std::string> names_with(std::string_view end) const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator{directory()}) {
      const std::string name = entry.path().filename();
      if (name.ends_with(end)) found.push_back(name);
    }
    std::sort(found.begin(), found.end());
    return found;
  }
  std::string index_of(size_t segment) const {
    return index_path(directory(), sealed_[segment].first_sequence);
  }
  std::string table_of(size_t segment) const {
    return open_table_path(directory(), sealed_[segment].first_sequence);
  }
  static void flip(const std::string& path, size_t at) {
    std::string bytes = *read_file(path);
    bytes.at(at) = static_cast<char>(bytes[at] ^ 1);
    std::ofstream{path, std::ios::binary} << bytes;
  }
  void archive(size_t segment) {
    const std::string archived = sealed_[segment].path + std::string{kArchiveEnd};
    ASSERT_TRUE(write_archive(sealed_[segment].path, archived, always));
    std::filesystem::remove(sealed_[segment].path);
    sealed_ = list_sealed(directory());
  }
  VerifyReport verify() const {
    return verify_ledger(directory(), directory() + "/state", [](uint64_t) {});
  }

  TempDir dir_;
  std::vector<SealedSegment> sealed_;
};

TEST_F(IndexerTest, EachSealedSegmentHasAnIndexAndTheNewestTwoATable) {
  index_all();
  EXPECT_EQ(names_with(".idx").size(), sealed_.size());
  EXPECT_EQ(names_with(".open").size(), 2U);
  EXPECT_TRUE(read_file(table_of(sealed_.size() - 1)));
  const VerifyReport report = verify();
  EXPECT_TRUE(report.whole()) << verify_text(report, directory());
  EXPECT_EQ(report.indexes, sealed_.size());
}

TEST_F(IndexerTest, TheActiveSegmentIsIndexedAsItGrows) {
  const std::string active = directory() + "/conntrack.json";
  const std::string all = *read_file(active);
  for (size_t part = 1; part <= 3; ++part) {
    std::ofstream{active, std::ios::binary} << all.substr(0, all.size() * part / 3);
    index_all(kSmallStep);
  }
  EXPECT_EQ(names_with(".idx").size(), sealed_.size() + 1);
  const VerifyReport report = verify();
  EXPECT_TRUE(report.whole()) << verify_text(report, directory());
  // Sealed, it goes on from what is there, to what would be made of all of it at once.
  const uint64_t first = PlacedLines{{open_segment(active), active, false}}.first_number();
  std::filesystem::rename(active, directory() + "/" + sealed_name(first));
  index_all();
  const std::string grown = *read_file(index_path(directory(), first));
  std::filesystem::remove(index_path(directory(), first));
  index_all();
  EXPECT_EQ(grown, *read_file(index_path(directory(), first)));
}

TEST_F(IndexerTest, AnArchiveHasTheSameIndex) {
  index_all();
  const std::string before = *read_file(index_of(0));
  archive(0);
  std::filesystem::remove(index_of(0));
  index_all();
  EXPECT_EQ(before, *read_file(index_of(0)));
  EXPECT_TRUE(verify().whole());
}

TEST_F(IndexerTest, ADamagedIndexIsFoundAndMadeAgain) {
  index_all();
  const std::string before = *read_file(index_of(1));
  flip(index_of(1), before.size() / 2);
  Indexer indexer{directory(), read_line_facts};
  while (indexer.index_next(always)) {
  }
  std::string found;
  for (size_t i = 0; i < sealed_.size() && found.empty(); ++i) found = indexer.check_one();
  const size_t block = before.size() / 2 / kBlockBytes;
  EXPECT_EQ(found, "read " + index_of(1) + ": block " + std::to_string(block) +
                       " is damaged (remove it; the agent makes it again)");
  EXPECT_TRUE(indexer.index_next(always));
  EXPECT_EQ(before, *read_file(index_of(1)));
}

TEST_F(IndexerTest, ADamagedTableIsMadeAgainFromTheOneBefore) {
  index_all();
  const std::string newest = *read_file(table_of(sealed_.size() - 1));
  flip(table_of(sealed_.size() - 1), 5);
  index_all();
  EXPECT_EQ(newest, *read_file(table_of(sealed_.size() - 1)));
}

TEST_F(IndexerTest, WithoutAnyTableItBeginsWithTheOldest) {
  index_all();
  const std::string newest = *read_file(table_of(sealed_.size() - 1));
  for (size_t i = 0; i < sealed_.size(); ++i) std::filesystem::remove(table_of(i));
  index_all();
  EXPECT_EQ(newest, *read_file(table_of(sealed_.size() - 1)));
}

TEST_F(IndexerTest, StoppedItLeavesNothing) {
  Indexer indexer{directory(), read_line_facts};
  EXPECT_FALSE(indexer.index_next([] { return false; }));
  EXPECT_TRUE(names_with(".idx").empty());
  EXPECT_TRUE(names_with(".open").empty());
  EXPECT_TRUE(names_with(".tmp").empty());
}

TEST_F(IndexerTest, WhatIsBesideASegmentThatHasGoneGoesToo) {
  index_all();
  std::filesystem::remove(sealed_[0].path);
  index_all();
  EXPECT_EQ(names_with(".idx").size(), sealed_.size() - 1);
}

TEST_F(IndexerTest, VerifyNamesTheBlockThatIsDamagedAndTheOneThatLies) {
  index_all();
  flip(index_of(0), kBlockBytes + 8);
  // A whole index of another segment.
  std::filesystem::copy_file(index_of(2), index_of(1),
                             std::filesystem::copy_options::overwrite_existing);
  const VerifyReport report = verify();
  ASSERT_EQ(report.damages.size(), 2U) << verify_text(report, directory());
  EXPECT_EQ(report.damages[0].path, index_of(0));
  EXPECT_EQ(report.damages[0].at, kBlockBytes);
  EXPECT_EQ(report.damages[0].what, "block 1 is damaged or missing");
  EXPECT_EQ(report.damages[1].path, index_of(1));
  EXPECT_EQ(report.damages[1].what, "block 0 does not say what the segment says");
}

TEST_F(IndexerTest, LinesAreFoundByPlaceAndByNumber) {
  index_all();
  archive(1);
  for (const SealedSegment& sealed : {sealed_[0], sealed_[1]}) {
    PlacedLines placed{open_sealed(sealed)};
    auto index = SegmentIndex::open(index_path(directory(), sealed.first_sequence));
    SegmentLines lines{SegmentStream{sealed}};
    SegmentLine line;
    while (lines.next(line)) {
      EXPECT_EQ(placed.line_at(line.place / kPlaceUnit * kPlaceUnit), line.text);
      const SegmentIndex::Region region = index->region_of(line.sequence);
      EXPECT_EQ(placed.line_of(line.sequence, region.from, region.to), line.text);
    }
    EXPECT_EQ(placed.line_of(index->header().last + 1, 0, index->header().bytes), "");
    EXPECT_EQ(placed.line_at(index->header().bytes), "");
  }
}

TEST_F(IndexerTest, ALineThatDoesNotSayItsFlowIsRefused) {
  std::string lines = *read_file(sealed_[0].path);
  const std::string key = "\"flow.id\": \"";
  const size_t at = lines.find(key);
  lines.replace(at, key.size(), key + "x");
  const size_t end = lines.find('"', at + key.size());
  lines.replace(end - 1, 1, "x");
  std::ofstream{sealed_[0].path, std::ios::binary} << lines;
  Indexer indexer{directory(), read_line_facts};
  EXPECT_THROW(indexer.index_next(always), SystemError);
  EXPECT_TRUE(names_with(".idx").empty());
}

}  // namespace
}  // namespace natledger
