// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/drop_fields.h"

#include <gtest/gtest.h>

namespace natledger {
namespace {

std::string without(std::vector<std::string> names, std::string_view line) {
  FieldDropper dropper{std::move(names)};
  return std::string{dropper.without(line)};
}

TEST(DropFields, MembersGoWhereverTheyStand) {
  constexpr std::string_view kLine = R"({"a": 1, "b": "x", "c": [1, 2]})";
  EXPECT_EQ(without({}, kLine), kLine);
  EXPECT_EQ(without({"a"}, kLine), R"({"b": "x", "c": [1, 2]})");
  EXPECT_EQ(without({"b"}, kLine), R"({"a": 1, "c": [1, 2]})");
  EXPECT_EQ(without({"c"}, kLine), R"({"a": 1, "b": "x"})");
  EXPECT_EQ(without({"c", "a", "b"}, kLine), "{}");
}

TEST(DropFields, WhatOnlyBeginsLikeThatStays) {
  constexpr std::string_view kLine = R"({"a.b": 1, "a": 2, "ab": 3})";
  EXPECT_EQ(without({"a"}, kLine), R"({"a.b": 1, "ab": 3})");
}

TEST(DropFields, QuotesCommasAndBracesWithinValuesEndNothing) {
  constexpr std::string_view kLine = R"({"a": "\"}, \"b\": 1", "b": {"x": "]"}, "c": "\\"})";
  EXPECT_EQ(without({"b"}, kLine), R"({"a": "\"}, \"b\": 1", "c": "\\"})");
  EXPECT_EQ(without({"a"}, kLine), R"({"b": {"x": "]"}, "c": "\\"})");
}

TEST(DropFields, WhatIsNoObjectGivesAnEmptyOne) {
  EXPECT_EQ(without({"a"}, ""), "{}");
  EXPECT_EQ(without({"a"}, "{}"), "{}");
  EXPECT_EQ(without({"a"}, R"({"b": "cut)"), R"({"b": "cut})");
}

}  // namespace
}  // namespace natledger
