// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/dead_letters.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "unit/test_support.h"

namespace natledger {
namespace {

constexpr uint64_t kRoomy = 1 << 20;

class DeadLettersTest : public testing::Test {
 protected:
  static void add(DeadLetters& letters, std::initializer_list<uint64_t> numbers) {
    const Outcome outcome{Fate::kRefused, 400, "type", "a \"reason\", \"record\": {"};
    std::vector<std::string> texts;
    for (const uint64_t number : numbers) texts.push_back(record(number));
    std::vector<DeadLetter> added;
    size_t i = 0;
    for (const uint64_t number : numbers) added.push_back({{texts[i++], number}, &outcome});
    letters.add(added, TimePoint{1});
  }

  static std::string record(uint64_t number) {
    return R"({"event.sequence": )" + std::to_string(number) + "}";
  }

  std::string text() const { return read_file(folder_ + "/fake.ndjson").value_or("none"); }

  std::vector<uint64_t> numbers() const {
    std::vector<uint64_t> found;
    std::ifstream file{folder_ + "/fake.ndjson"};
    for (std::string line; std::getline(file, line);) {
      const size_t at = line.find("\"sequence\": ");
      found.push_back(std::stoull(line.substr(at + 12)));
    }
    return found;
  }

  TempDir dir_;
  const std::string state_ = dir_ / "state";
  const std::string folder_ = state_ + "/dead-letters";
};

using Numbers = std::vector<uint64_t>;

TEST_F(DeadLettersTest, OneIsWrittenOnce) {
  {
    DeadLetters letters{state_, "fake", 1, kRoomy};
    add(letters, {3, 4});
    add(letters, {4, 5});
  }
  DeadLetters letters{state_, "fake", 4, kRoomy};
  EXPECT_FALSE(letters.has(3));
  EXPECT_TRUE(letters.has(4));
  add(letters, {4, 5, 6});
  EXPECT_EQ(numbers(), (Numbers{3, 4, 5, 6}));
}

TEST_F(DeadLettersTest, ATornOneIsCutOff) {
  {
    DeadLetters letters{state_, "fake", 1, kRoomy};
    add(letters, {3});
  }
  const std::string whole = text();
  std::ofstream{folder_ + "/fake.ndjson", std::ios::app} << R"({"destination": "fa)";
  const DeadLetters letters{state_, "fake", 1, kRoomy};
  EXPECT_EQ(text(), whole);
}

TEST_F(DeadLettersTest, FullTheyRefuseAndKeepWhatTheyHave) {
  DeadLetters letters{state_, "fake", 1, 200};
  add(letters, {1});
  const std::string whole = text();
  EXPECT_THROW(add(letters, {2}), SystemError);
  EXPECT_EQ(text(), whole);
  EXPECT_FALSE(letters.has(2));
}

TEST_F(DeadLettersTest, RetriedTheyAreTakenOutInOrder) {
  DeadLetters letters{state_, "fake", 1, kRoomy};
  add(letters, {7, 3});
  RetriedLetters retried{state_, "fake"};
  ASSERT_EQ(retried.letters().size(), 2U);
  EXPECT_EQ(retried.letters()[0].sequence, 3U);
  EXPECT_EQ(retried.letters()[0].record, record(3));
  EXPECT_EQ(text(), "none");
  EXPECT_THROW((RetriedLetters{state_, "fake"}), SystemError);

  // A shipper that runs adds one meanwhile, and so does the retry.
  add(letters, {9});
  DeadLetters again{state_, "fake", UINT64_MAX, kRoomy};
  add(again, {7});
  retried.done();
  EXPECT_EQ(numbers(), (Numbers{9, 7}));
}

TEST_F(DeadLettersTest, ARetryThatWasKilledIsGoneOnWith) {
  {
    DeadLetters letters{state_, "fake", 1, kRoomy};
    add(letters, {3, 7});
    const RetriedLetters killed{state_, "fake"};
    DeadLetters again{state_, "fake", UINT64_MAX, kRoomy};
    add(again, {3});
  }
  RetriedLetters retried{state_, "fake"};
  ASSERT_EQ(retried.letters().size(), 1U);
  EXPECT_EQ(retried.letters()[0].sequence, 7U);
  // A shipper that comes upon one of them again knows it.
  EXPECT_TRUE((DeadLetters{state_, "fake", 1, kRoomy}.has(7)));
  retried.done();
  EXPECT_EQ(numbers(), Numbers{3});
}

TEST_F(DeadLettersTest, NoneIsNothingToRetry) {
  RetriedLetters retried{state_, "fake"};
  EXPECT_TRUE(retried.letters().empty());
  retried.done();
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

}  // namespace
}  // namespace natledger
