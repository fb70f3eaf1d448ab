// SPDX-License-Identifier: GPL-2.0-or-later
// Archives: to the byte what was compressed, and of a damaged one all that can still be read.
#include "ledger/archive.h"

#include <fcntl.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "unit/test_support.h"

namespace natledger {
namespace {

constexpr size_t kFrame = 1 << 20;

class ArchiveTest : public testing::Test {
 protected:
  void put(const std::string& name, const std::string& bytes) const {
    std::ofstream{dir_ / name, std::ios::binary} << bytes;
  }
  void compress(const std::string& content) const {
    put("s", content);
    ASSERT_TRUE(write_archive(dir_ / "s", dir_ / "a", always));
  }
  Archive archive() const { return {open_file(dir_ / "a", O_RDONLY), dir_ / "a"}; }

  TempDir dir_;
};

// A line that compresses to next to nothing, in a frame of its own.
std::string long_line(char c) { return std::string(kFrame + 1000, c) + "\n"; }

std::string many_lines() {
  std::string text;
  for (int i = 0; text.size() < 3 * kFrame; ++i) text += "line " + std::to_string(i) + "\n";
  return text;
}

TEST_F(ArchiveTest, GivesBackWhatWasCompressed) {
  const std::string contents[] = {
      "",
      "one\n",
      "torn",
      "\n\n",
      many_lines(),
      many_lines() + "torn",
      long_line('a') + "b\n",
      std::string(3 * kFrame, 'z'),
      std::string(kFrame, '\n'),
  };
  for (const std::string& content : contents) {
    compress(content);
    Archive made = archive();
    EXPECT_EQ(made.table_damage(), "");
    std::string all, piece;
    for (const ArchiveFrame& frame : made.frames()) {
      EXPECT_EQ(frame.content_at, all.size());
      ASSERT_EQ(made.read_frame(frame, piece), "");
      all += piece;
    }
    EXPECT_TRUE(all == content) << content.size();
  }
}

TEST_F(ArchiveTest, FramesAreOfWholeLinesAndAtMostAMebibyte) {
  compress(many_lines() + "torn");
  Archive made = archive();
  ASSERT_EQ(made.frames().size(), 4U);
  std::string piece;
  for (size_t i = 0; i < made.frames().size(); ++i) {
    ASSERT_EQ(made.read_frame(made.frames()[i], piece), "");
    EXPECT_LE(piece.size(), kFrame);
    EXPECT_EQ(piece.ends_with('\n'), i + 1 < made.frames().size());
  }
}

TEST_F(ArchiveTest, ZstdItselfReadsIt) {
  const std::string content = many_lines() + "torn";
  compress(content);
  const std::string command = "zstd -dc < " + (dir_ / "a") + " > " + (dir_ / "b");
  ASSERT_EQ(std::system(command.c_str()), 0);
  EXPECT_TRUE(read_file(dir_ / "b") == content);
}

TEST_F(ArchiveTest, WhatIsToldToStopStops) {
  put("s", many_lines());
  int asked = 0;
  EXPECT_FALSE(write_archive(dir_ / "s", dir_ / "a", [&asked] { return ++asked < 3; }));
  EXPECT_EQ(asked, 3);
}

TEST_F(ArchiveTest, ASegmentThatIsNotThereIsSaid) {
  EXPECT_THROW(write_archive(dir_ / "none", dir_ / "a", always), SystemError);
}

// Three frames of a few dozen bytes.
const std::string kLines[] = {long_line('a'), long_line('b'), long_line('c')};

// What can be read of the archive at dir/a; each must be one of kLines. Counts what is damaged.
std::vector<std::string> readable(Archive& archive, int& damages) {
  std::vector<std::string> found;
  std::string piece;
  damages = archive.table_damage().empty() ? 0 : 1;
  for (const ArchiveFrame& frame : archive.frames()) {
    if (archive.read_frame(frame, piece).empty()) {
      found.push_back(piece);
    } else {
      ++damages;
    }
  }
  return found;
}

TEST_F(ArchiveTest, AFlippedBitCostsOneFrameAtMostAndIsNeverBelieved) {
  compress(kLines[0] + kLines[1] + kLines[2]);
  const std::string whole = *read_file(dir_ / "a");
  ASSERT_LT(whole.size(), 1000U);
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    put("a", damaged);
    Archive opened = archive();
    int damages = 0;
    const std::vector<std::string> found = readable(opened, damages);
    // Some bits mean nothing.
    EXPECT_TRUE(damages > 0 || found.size() == 3) << at;
    EXPECT_GE(found.size(), 2U) << at;
    for (const std::string& line : found) {
      EXPECT_NE(std::find(std::begin(kLines), std::end(kLines), line), std::end(kLines)) << at;
    }
  }
}

TEST_F(ArchiveTest, OfACutFileTheWholeFramesAreRead) {
  compress(kLines[0] + kLines[1] + kLines[2]);
  const std::string whole = *read_file(dir_ / "a");
  const std::vector<ArchiveFrame> frames = archive().frames();
  for (size_t bytes = 0; bytes < whole.size(); ++bytes) {
    put("a", whole.substr(0, bytes));
    Archive opened = archive();
    int damages = 0;
    const std::vector<std::string> found = readable(opened, damages);
    size_t expected = 0;
    for (const ArchiveFrame& frame : frames) expected += frame.at + frame.bytes <= bytes ? 1 : 0;
    EXPECT_EQ(found.size(), expected) << bytes;
    EXPECT_GT(damages, 0) << bytes;
  }
}

}  // namespace
}  // namespace natledger
