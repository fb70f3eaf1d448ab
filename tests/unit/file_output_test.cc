// SPDX-License-Identifier: GPL-2.0-or-later
// output.file: what stands in the file after rotations, kills and a full disk.
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "ship/file.h"
#include "unit/test_support.h"

namespace natledger {
namespace {

std::string line_of(uint64_t sequence) { return "{\"line\": " + std::to_string(sequence) + "}"; }

class FileOutputTest : public testing::Test {
 protected:
  FileOutputTest() {
    options_.path = dir_ / "out.json";
    options_.record = "full";
  }

  std::vector<Fate> deliver(Destination& file, uint64_t from, uint64_t to) {
    std::vector<std::string> texts;
    for (uint64_t i = from; i <= to; ++i) texts.push_back(line_of(i));
    std::vector<LedgerLine> lines;
    for (uint64_t i = from; i <= to; ++i) lines.push_back({texts[i - from], i});
    attempt_ = file.deliver(lines);
    std::vector<Fate> fates;
    for (const Outcome& outcome : attempt_.outcomes) fates.push_back(outcome.fate);
    return fates;
  }

  static std::string lines(uint64_t from, uint64_t to) {
    std::string text;
    for (uint64_t i = from; i <= to; ++i) text += line_of(i) + "\n";
    return text;
  }

  std::string content(const std::string& name = "out.json") const {
    return read_file(dir_ / name).value_or("(none)");
  }

  void append(const std::string& text) { std::ofstream{options_.path, std::ios::app} << text; }

  TempDir dir_;
  FileOptions options_;
  Attempt attempt_;
};

constexpr auto kAgain = Fate::kAgain;
constexpr auto kDelivered = Fate::kDelivered;
constexpr auto kDuplicate = Fate::kDuplicate;
using Fates = std::vector<Fate>;

TEST_F(FileOutputTest, LinesAreAppended) {
  append("older\n");
  const auto file = make_file(options_, "");
  EXPECT_EQ(deliver(*file, 1, 2), (Fates{kDelivered, kDelivered}));
  EXPECT_EQ(content(), "older\n" + lines(1, 2));
}

TEST_F(FileOutputTest, WhatAKillLeftBehindTheCursorIsNotWrittenTwice) {
  std::string memory;
  {
    const auto file = make_file(options_, "");
    deliver(*file, 1, 2);
    memory = file->memory();
    deliver(*file, 3, 4);  // the cursor was not stored any more
  }
  const auto file = make_file(options_, memory);
  EXPECT_EQ(file->memory(), memory);
  EXPECT_EQ(deliver(*file, 3, 5), (Fates{kDuplicate, kDuplicate, kDelivered}));
  EXPECT_EQ(content(), lines(1, 5));
}

TEST_F(FileOutputTest, ATornLineIsCompleted) {
  std::string memory;
  {
    const auto file = make_file(options_, "");
    deliver(*file, 1, 1);
    memory = file->memory();
  }
  for (size_t torn = 1; torn < line_of(2).size() + 1; ++torn) {
    std::filesystem::resize_file(options_.path, lines(1, 1).size());
    append(lines(2, 2).substr(0, torn));
    const auto file = make_file(options_, memory);
    EXPECT_EQ(deliver(*file, 2, 3), (Fates{kDelivered, kDelivered}));
    EXPECT_EQ(content(), lines(1, 3)) << torn;
  }
}

TEST_F(FileOutputTest, LinesOfSomebodyElseAreLeftAlone) {
  std::string memory;
  {
    const auto file = make_file(options_, "");
    deliver(*file, 1, 1);
    memory = file->memory();
  }
  append("somebody else\n");
  const auto file = make_file(options_, memory);
  EXPECT_EQ(deliver(*file, 2, 3), (Fates{kDelivered, kDelivered}));
  EXPECT_EQ(content(), lines(1, 1) + "somebody else\n" + lines(2, 3));
}

TEST_F(FileOutputTest, AfterARotationItIsReopenedOnSighup) {
  auto file = make_file(options_, "");
  deliver(*file, 1, 1);
  std::filesystem::rename(options_.path, options_.path + ".1");
  deliver(*file, 2, 2);  // before the signal
  const std::string memory = file->memory();
  file = make_file(options_, memory);
  EXPECT_EQ(content(), "") << "it is there at once";
  deliver(*file, 3, 3);
  EXPECT_EQ(content("out.json.1"), lines(1, 2));
  EXPECT_EQ(content(), lines(3, 3));
}

TEST_F(FileOutputTest, RotatedWhileItWasDeadTheOldFileIsEndedFirst) {
  std::string memory;
  {
    const auto file = make_file(options_, "");
    deliver(*file, 1, 1);
    memory = file->memory();
  }
  append(lines(2, 2) + lines(3, 3).substr(0, 4));
  std::filesystem::rename(options_.path, options_.path + ".1");
  const auto file = make_file(options_, memory);
  EXPECT_EQ(deliver(*file, 2, 4), (Fates{kDuplicate, kDelivered, kAgain}));
  EXPECT_EQ(deliver(*file, 4, 4), (Fates{kDelivered}));
  EXPECT_EQ(content("out.json.1"), lines(1, 3));
  EXPECT_EQ(content(), lines(4, 4));
}

TEST_F(FileOutputTest, ADirectoryThatIsNotThereIsSaid) {
  options_.path = dir_ / "none/out.json";
  try {
    make_file(options_, "");
    FAIL() << "made";
  } catch (const SystemError& error) {
    EXPECT_EQ(error.what(), "open " + options_.path +
                                ": No such file or directory (see output.file.path in the "
                                "configuration)");
  }
}

// A file that may not grow beyond a size refuses as a full disk does.
class FullDisk {
 public:
  FullDisk() {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
  }
  ~FullDisk() { ::setrlimit(RLIMIT_FSIZE, &before_); }
  void at(size_t bytes) const {
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  void mend() const { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(FileOutputTest, AFullDiskCutsNoLine) {
  const std::string all = lines(1, 4);
  for (size_t room = 0; room <= all.size(); ++room) {
    std::filesystem::remove(options_.path);
    const auto file = make_file(options_, "");
    const FullDisk disk;
    disk.at(room);
    deliver(*file, 1, 4);
    const auto taken = static_cast<uint64_t>(std::ranges::count_if(
        attempt_.outcomes, [](const Outcome& outcome) { return outcome.fate != Fate::kAgain; }));
    EXPECT_EQ(taken, room / lines(1, 1).size());
    if (taken == 4) continue;
    EXPECT_EQ(attempt_.next, Attempt::Next::kBackOff);
    EXPECT_EQ(attempt_.trouble,
              "write " + options_.path + ": File too large (make room, or mend the disk)");
    deliver(*file, taken + 1, 4);  // still full
    // Killed now, or not.
    const std::string memory = file->memory();
    disk.mend();
    const auto next = room % 2 == 0 ? make_file(options_, memory) : nullptr;
    deliver(next ? *next : *file, taken + 1, 4);
    EXPECT_EQ(content(), all) << room;
  }
}

TEST(UlogdRecord, OptionsChangeTheOpening) {
  const std::string keys = R"("orig.ip.protocol": 6, "reply.ip.daddr.str": "1.2.3.4")";
  const std::string line = R"({"timestamp": "2026-11-27T13:04:39", "dvc": "Netfilter", )" + keys +
                           R"(, "@timestamp": "2026-11-27T13:04:39.717886Z", "event.id": "a"})";
  struct Row {
    UlogdOptions options;
    std::string opening;
  };
  const std::vector<Row> rows{
      {{}, R"({"timestamp": "2026-11-27T13:04:39", "dvc": "Netfilter", )"},
      {{"gw \"1\"", true, false}, R"({"timestamp": "2026-11-27T13:04:39", "dvc": "gw \"1\"", )"},
      {{"Netfilter", false, false}, R"({"dvc": "Netfilter", )"},
      {{"Netfilter", true, true},
       R"({"@version": 1, "@timestamp": "2026-11-27T13:04:39", "dvc": "Netfilter", )"},
      {{"Netfilter", false, true}, R"({"@version": 1, "dvc": "Netfilter", )"},
      {{"\xff", false, false}, "{"},
      {{"\xff", true, false}, R"({"timestamp": "2026-11-27T13:04:39", )"},
  };
  for (const Row& row : rows) {
    std::string out;
    EXPECT_TRUE(UlogdRecord{row.options}.append(line, out));
    EXPECT_EQ(out, row.opening + keys + "}");
  }
}

TEST(UlogdRecord, WhatUlogdDoesNotPrintIsPassedOver) {
  const UlogdRecord record{{}};
  std::string out;
  EXPECT_FALSE(record.append(R"({"@timestamp": "2026", "event.kind": "state"})", out));
  EXPECT_FALSE(record.append(R"({"timestamp": "t", "dvc": "Netfilter", "ct.id": 1, "@timestamp": )"
                             R"("2026", "event.reason": "inferred"})",
                             out));
  EXPECT_EQ(out, "");
}

}  // namespace
}  // namespace natledger
