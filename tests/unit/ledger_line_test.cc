// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include "ledger/line.h"

namespace natledger {
namespace {

using namespace std::string_literals;

TEST(LedgerLine, SequenceOfWholeRecordsOnly) {
  EXPECT_EQ(sequence_of(R"({"a": 1, "event.sequence": 42, "event.id": "x-y-42"})"), 42U);
  EXPECT_EQ(sequence_of(R"({"@timestamp":"x","event.sequence":7})"), 7U);
  EXPECT_EQ(sequence_of(R"({"a": 1, "event.sequence": 42, "event.id": "x-y)"), 0U);
  EXPECT_EQ(sequence_of(R"("event.sequence": 42})"), 0U);
  EXPECT_EQ(sequence_of("{\"event.sequence\": 42\0}"s), 0U);
  EXPECT_EQ(sequence_of(R"({"tags": ["\"event.sequence\": 9"]})"), 0U);
  EXPECT_EQ(sequence_of("{}"), 0U);
  EXPECT_EQ(sequence_of(""), 0U);
}

TEST(LedgerLine, ClosedObjectsAreToldFromTornOnesThatEndInABrace) {
  EXPECT_TRUE(is_closed_object(R"({"tags": ["a}"], "n": 1})"));
  EXPECT_TRUE(is_closed_object("{}"));
  EXPECT_FALSE(is_closed_object(R"({"tags": ["a})"));
  EXPECT_FALSE(is_closed_object(R"({"tags": ["a\"})"));
  EXPECT_FALSE(is_closed_object(R"({"a": 1}})"));
  EXPECT_FALSE(is_closed_object(R"({"a": 1} )"));
  EXPECT_FALSE(is_closed_object("{{}"));
  EXPECT_FALSE(is_closed_object(""));
}

TEST(LedgerLine, TimeAndId) {
  const char* line = R"({"timestamp": "x", "@timestamp": "2026-11-22T07:09:00.000001Z", )"
                     R"("event.id": "abc-def-9"})";
  EXPECT_EQ(time_of(line), (TimePoint{1795331340000001000}));
  EXPECT_EQ(id_of(line), "abc-def-9");
  EXPECT_FALSE(time_of("{}").known());
  EXPECT_EQ(id_of("{}"), "");
}

}  // namespace
}  // namespace natledger
