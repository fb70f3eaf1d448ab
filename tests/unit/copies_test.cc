// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/copies.h"

#include <gtest/gtest.h>

namespace natledger {
namespace {

using Names = std::vector<std::string>;

Ask answers(int status, const std::string& body) {
  return [=](const HttpRequest&) {
    HttpAnswer answer;
    answer.status = status;
    answer.body = body;
    return answer;
  };
}

TEST(CopiesTest, TheIndicesOfAStreamAnAliasOrAnIndex) {
  const auto names = [](const char* answer) {
    return list_backing_indices(answers(200, answer), "x").names;
  };
  EXPECT_EQ(names(R"({"indices":[],"aliases":[],"data_streams":[{"name":"x",)"
                  R"("backing_indices":[".ds-x-1",".ds-x-2"]}]})"),
            (Names{".ds-x-1", ".ds-x-2"}));
  EXPECT_EQ(names(R"({"indices":[],"aliases":[{"name":"x","indices":["x-1","x-2"]}],)"
                  R"("data_streams":[]})"),
            (Names{"x-1", "x-2"}));
  EXPECT_EQ(names(R"({"indices":[{"name":"x","attributes":["open"]}],"aliases":[]})"), Names{"x"});
}

TEST(CopiesTest, CredentialsThatHaveEndedAreNoMissingRight) {
  const Copy copy{"x", "l-e-1"};
  for (const int status : {401, 403}) {
    const Ask ask = answers(status, "");
    EXPECT_EQ(list_backing_indices(ask, "x").forbidden, status == 403);
    EXPECT_EQ(look_up(ask, {&copy, 1}).forbidden, status == 403);
    EXPECT_FALSE(look_up(ask, {&copy, 1}).why.empty());
  }
}

constexpr const char* kRecord =
    R"({"@timestamp": "2014-02-22T12:27:04.123456Z", "event.sequence": 7, "event.id": "l-e-7"})";

TEST(CopiesTest, ADocumentMadeFromColumnsHasTheMillisecondsOfItsMapping) {
  EXPECT_TRUE(is_same_record(
      R"({"event":{"id":"l-e-7","sequence":7},"@timestamp":"2014-02-22T12:27:04.123Z"})", kRecord));
  EXPECT_FALSE(is_same_record(
      R"({"event":{"id":"l-e-7","sequence":7},"@timestamp":"2014-02-22T12:27:04.124Z"})", kRecord));
}

TEST(CopiesTest, ADocumentWithoutWhatEachRecordHasIsSomebodyElses) {
  EXPECT_TRUE(is_same_record(kRecord, kRecord));
  EXPECT_FALSE(is_same_record(R"({"event.id": "l-e-7"})", kRecord));
  EXPECT_FALSE(is_same_record(R"({"@timestamp": 7, "event.id": "l-e-7"})", kRecord));
}

}  // namespace
}  // namespace natledger
