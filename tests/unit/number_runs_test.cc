// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/number_runs.h"

#include <map>
#include <set>

#include <gtest/gtest.h>

namespace natledger {
namespace {

// Indices with the numbers that each has, which count and list as a server does.
class NumberRunsTest : public testing::Test {
 protected:
  void put(const std::string& index, uint64_t first, uint64_t last) {
    for (uint64_t number = first; number <= last; ++number) indices_[index].insert(number);
  }
  void lose(const std::string& index, uint64_t number) { indices_[index].erase(number); }

  NumberCount counted(const std::string& index, uint64_t first, uint64_t last) {
    const auto& numbers = indices_[index];
    const auto begin = numbers.lower_bound(first), end = numbers.upper_bound(last);
    if (begin == end) return {};
    return {index, *begin, *std::prev(end), static_cast<uint64_t>(std::distance(begin, end))};
  }

  NumberRanges find(unsigned most_requests = 1000) {
    requests_ = 0;
    std::vector<NumberCount> whole;
    for (const auto& [name, numbers] : indices_) whole.push_back(counted(name, 0, UINT64_MAX));
    const NumberSource source{[&](const std::string& index, const NumberRanges& runs) {
                                ++requests_;
                                std::vector<NumberCount> counts;
                                for (const auto& [first, last] : runs) {
                                  const NumberCount count = counted(index, first, last);
                                  if (count.count != 0) counts.push_back(count);
                                }
                                return counts;
                              },
                              [&](const std::string& index, uint64_t first, uint64_t last) {
                                ++requests_;
                                const auto& numbers = indices_[index];
                                return std::vector<uint64_t>(numbers.lower_bound(first),
                                                             numbers.upper_bound(last));
                              }};
    return find_runs(whole, skipped_, source, most_requests);
  }

  std::map<std::string, std::multiset<uint64_t>> indices_;
  NumberRanges skipped_;
  unsigned requests_ = 0;
};

TEST_F(NumberRunsTest, WhatIsWholeTakesNoRequest) {
  put("a", 1, 50'000);
  put("b", 50'001, 70'000);
  EXPECT_EQ(find(), (NumberRanges{{1, 70'000}}));
  EXPECT_EQ(requests_, 0U);
}

TEST_F(NumberRunsTest, FindsEachNumberThatIsMissing) {
  put("a", 1, 1'000'000);
  lose("a", 2);
  lose("a", 123'456);
  lose("a", 123'457);
  lose("a", 999'999);
  EXPECT_EQ(find(),
            (NumberRanges{{1, 1}, {3, 123'455}, {123'458, 999'998}, {1'000'000, 1'000'000}}));
  EXPECT_LT(requests_, 10U);
}

TEST_F(NumberRunsTest, WhatOneIndexLacksAnotherMayHave) {
  put("a", 1, 30'000);
  put("b", 20'000, 20'010);  // taken only after the rollover
  for (uint64_t number = 20'000; number <= 20'010; ++number) lose("a", number);
  put("b", 30'001, 40'000);
  EXPECT_EQ(find(), (NumberRanges{{1, 40'000}}));
  lose("b", 20'005);
  EXPECT_EQ(find(), (NumberRanges{{1, 20'004}, {20'006, 40'000}}));
}

TEST_F(NumberRunsTest, ANumberThatIsThereTwiceDoesNotStandForAMissingOne) {
  put("a", 1, 5000);
  put("b", 4000, 9000);  // of which 4000 to 5000 are doubled
  EXPECT_EQ(find(), (NumberRanges{{1, 9000}}));
  put("a", 77, 77);
  EXPECT_EQ(find(), (NumberRanges{{1, 76}, {78, 9000}}));
}

TEST_F(NumberRunsTest, SkippedNumbersDivideTheRun) {
  put("a", 1, 100'000);
  put("a", 1'100'000, 1'200'000);
  skipped_ = {{100'001, 1'099'999}};
  EXPECT_EQ(find(), (NumberRanges{{1, 100'000}, {1'100'000, 1'200'000}}));
  EXPECT_EQ(requests_, 1U);
  put("a", 100'001, 100'001);  // shipped, and lost on the gateway
  lose("a", 50'000);
  EXPECT_EQ(find(), (NumberRanges{{1, 49'999}, {50'001, 100'000}, {1'100'000, 1'200'000}}));
}

TEST_F(NumberRunsTest, WhatWouldTakeTooLongIsTakenForMissing) {
  put("a", 1, 1'000'000);
  for (uint64_t number = 5; number < 1'000'000; number += 1000) lose("a", number);
  const NumberRanges all = find();
  EXPECT_EQ(all.size(), 1001U);
  const NumberRanges some = find(20);
  EXPECT_LE(requests_, 20U);
  EXPECT_LT(some.size(), all.size());
  for (const auto& [first, last] : some) {
    EXPECT_TRUE(has_number(all, first) && number_before(all, last + 1) == last);
  }
}

TEST(NumberRanges, ArePutInOrder) {
  const NumberRanges runs = merged({{7, 9}, {1, 2}, {3, 4}, {8, 12}});
  EXPECT_EQ(runs, (NumberRanges{{1, 4}, {7, 12}}));
  EXPECT_TRUE(has_number(runs, 4));
  EXPECT_FALSE(has_number(runs, 5));
  EXPECT_EQ(number_before(runs, 1), 0U);
  EXPECT_EQ(number_before(runs, 7), 4U);
  EXPECT_EQ(number_before(runs, 10), 9U);
  EXPECT_EQ(number_before(runs, 99), 12U);
}

}  // namespace
}  // namespace natledger
