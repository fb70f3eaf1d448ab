// SPDX-License-Identifier: GPL-2.0-or-later
// A row for each answer that servers were seen to give, and for those that only proxies and
// broken networks give.
#include "ship/bulk.h"

#include <gtest/gtest.h>

namespace natledger {
namespace {

using Next = Attempt::Next;

constexpr auto kAgain = Fate::kAgain;
constexpr auto kDelivered = Fate::kDelivered;
constexpr auto kDuplicate = Fate::kDuplicate;
constexpr auto kRefused = Fate::kRefused;

HttpAnswer answer_of(int status, std::string body) {
  HttpAnswer answer;
  answer.status = status;
  answer.body = std::move(body);
  return answer;
}

std::string item(int status, const std::string& rest = {}) {
  return R"({"create":{"_index":".ds-logs-conntrack.nat-default-2026.11.22-000001","status":)" +
         std::to_string(status) + rest + "}}";
}

std::string error(const std::string& type, const std::string& reason = "why") {
  return R"(,"error":{"type":")" + type + R"(","reason":")" + reason + R"("})";
}

std::string items(const std::vector<std::string>& each) {
  std::string text = R"({"errors":true,"items":[)";
  for (size_t i = 0; i < each.size(); ++i) text += (i == 0 ? "" : ",") + each[i];
  return text + "]}";
}

struct Row {
  const char* name;
  HttpAnswer answer;  // for two records
  std::vector<Fate> fates;
  Next next;
  bool ambiguous;
  const char* trouble;  // a part of it; empty: there is none
};

HttpAnswer failed(const char* why, bool ambiguous) {
  HttpAnswer answer;
  answer.failure = why;
  answer.ambiguous = ambiguous;
  return answer;
}

HttpAnswer two(const std::string& second) { return answer_of(200, items({item(201), second})); }

const std::vector<Row>& rows() {
  static const std::vector<Row> kRows{
      // The request as a whole.
      {"connection refused",
       failed("Failed to connect", false),
       {},
       Next::kBackOff,
       false,
       "send to S: Failed to connect"},
      {"reset amid the answer",
       failed("Recv failure", true),
       {},
       Next::kBackOff,
       true,
       "Recv failure"},
      {"payload too large", answer_of(413, ""), {}, Next::kSmaller, false, ""},
      {"too many requests",
       answer_of(429, R"({"error":{"type":"es_rejected_execution_exception",)"
                      R"("reason":"rejected execution of coordinating"}})"),
       {},
       Next::kBackOff,
       false,
       "es_rejected_execution_exception: rejected execution"},
      {"bad request",
       answer_of(400, R"({"error":{"type":"illegal_argument_exception",)"
                      R"("reason":"The bulk request must be terminated"}})"),
       {},
       Next::kSmaller,
       false,
       ""},
      {"bad request, says a proxy",
       answer_of(400, "<html>The plain HTTP request was sent to HTTPS port</html>"),
       {},
       Next::kHold,
       false,
       "status 400 (is that the right address, and is there a proxy before it?)"},
      {"bad request for any record",
       answer_of(400, R"({"error":"no handler found for uri [/x/_bulk] and method [POST]"})"),
       {},
       Next::kHold,
       false,
       "no handler found for uri"},
      {"unauthorised, JSON",
       answer_of(401, R"({"error":{"type":"security_exception",)"
                      R"("reason":"unable to authenticate user [x]"}})"),
       {},
       Next::kHold,
       false,
       "unable to authenticate user [x] (look at the credentials"},
      {"unauthorised, text",
       answer_of(401, "Unauthorized"),
       {},
       Next::kHold,
       false,
       "S answered status 401 (look at the credentials"},
      {"forbidden",
       answer_of(403, R"({"error":{"type":"security_exception","reason":"no"}})"),
       {},
       Next::kHold,
       false,
       "security_exception: no"},
      {"cluster read-only",
       answer_of(403, R"({"error":{"type":"cluster_block_exception",)"
                      R"("reason":"blocked by: [FORBIDDEN/6]"}})"),
       {},
       Next::kBackOff,
       false,
       "the cluster is blocked"},
      {"redirect", answer_of(302, ""), {}, Next::kHold, false, "is there a proxy before it?"},
      {"not found", answer_of(404, "<html>"), {}, Next::kHold, false, "status 404"},
      {"not acceptable",
       answer_of(406, R"({"error":"Content-Type header [text/plain]"})"),
       {},
       Next::kHold,
       false,
       "status 406: Content-Type header [text/plain]"},
      {"media type", answer_of(415, ""), {}, Next::kHold, false, "status 415"},
      {"request timeout", answer_of(408, ""), {}, Next::kBackOff, true, "status 408"},
      {"server error",
       answer_of(500, R"({"error":{"type":"illegal_state_exception"}})"),
       {},
       Next::kBackOff,
       true,
       "status 500 illegal_state_exception"},
      {"not implemented", answer_of(501, ""), {}, Next::kHold, false, "status 501"},
      {"security is starting",
       answer_of(503, "OpenSearch Security not initialized."),
       {},
       Next::kBackOff,
       true,
       "status 503"},
      {"gateway timeout", answer_of(504, "<html>"), {}, Next::kBackOff, true, "status 504"},
      // An answer that is none.
      {"HTML with 200",
       answer_of(200, "<html>hello</html>"),
       {},
       Next::kBackOff,
       true,
       "no whole JSON"},
      {"JSON cut short",
       answer_of(200, items({item(201), item(201)}).substr(0, 60)),
       {},
       Next::kBackOff,
       true,
       "no whole JSON"},
      {"one item too few",
       answer_of(200, items({item(201)})),
       {},
       Next::kBackOff,
       true,
       "did not answer for each of the 2 records"},
      {"one too many",
       answer_of(200, items({item(201), item(201), item(201)})),
       {},
       Next::kBackOff,
       true,
       "did not answer for each"},
      {"no items",
       answer_of(200, R"({"errors":false})"),
       {},
       Next::kBackOff,
       true,
       "did not answer for each"},
      {"items that are none",
       answer_of(200, R"({"items":[1,{}]})"),
       {},
       Next::kBackOff,
       true,
       "did not answer for each"},
      {"an item that does not say what became of its record",
       answer_of(200, items({item(201), R"({"create":{"_index":"x"}})"})),
       {},
       Next::kBackOff,
       true,
       "did not answer for each"},
      {"nor does one by such a status",
       answer_of(200, items({item(201), item(302)})),
       {},
       Next::kBackOff,
       true,
       "did not answer for each"},
      {"nested deep",
       answer_of(200, std::string(1 << 20, '[')),
       {},
       Next::kBackOff,
       true,
       "no whole JSON"},
      // Item by item.
      {"created", two(item(201)), {kDelivered, kDelivered}, Next::kGoOn, false, ""},
      {"there already",
       two(item(409, error("version_conflict_engine_exception"))),
       {kDelivered, kDuplicate},
       Next::kGoOn,
       false,
       ""},
      {"queue full",
       two(item(429, error("es_rejected_execution_exception"))),
       {kDelivered, kAgain},
       Next::kBackOff,
       false,
       "did not take 1 of 2 records yet"},
      {"flood stage",
       two(item(429, error("cluster_block_exception"))),
       {kDelivered, kAgain},
       Next::kBackOff,
       false,
       "the index is blocked"},
      {"write block",
       two(item(403, error("cluster_block_exception"))),
       {kDelivered, kAgain},
       Next::kBackOff,
       false,
       "the index is blocked"},
      {"no primary",
       two(item(503, error("unavailable_shards_exception"))),
       {kDelivered, kAgain},
       Next::kBackOff,
       true,
       "is not whole"},
      {"credentials that have ended",
       two(item(401, error("security_exception"))),
       {kDelivered, kAgain},
       Next::kHold,
       false,
       "status 401 security_exception"},
      {"no right",
       two(item(403, error("security_exception"))),
       {kDelivered, kAgain},
       Next::kHold,
       false,
       "give its role create_doc"},
      {"no index",
       two(item(404, error("index_not_found_exception"))),
       {kDelivered, kAgain},
       Next::kHold,
       false,
       "natledger-ship setup elasticsearch"},
      {"index closed",
       two(item(400, error("index_closed_exception"))),
       {kDelivered, kAgain},
       Next::kHold,
       false,
       "index_closed_exception"},
      {"most shards",
       two(item(400, error("validation_exception"))),
       {kDelivered, kAgain},
       Next::kHold,
       false,
       "validation_exception"},
      {"no pipeline",
       two(item(400, error("illegal_argument_exception", "pipeline with id [x] does not exist"))),
       {kDelivered, kAgain},
       Next::kHold,
       false,
       "pipeline with id [x]"},
      {"a name that is none",
       two(item(400, error("invalid_index_name_exception"))),
       {kDelivered, kAgain},
       Next::kHold,
       false,
       "or see output.elasticsearch.data_stream"},
      {"an alias that nothing is written to",
       two(item(400, error("illegal_argument_exception",
                           "no write index is defined for alias [x]. The write index may be"))),
       {kDelivered, kAgain},
       Next::kHold,
       false,
       "no write index is defined for alias [x]"},
      {"bad ip",
       two(item(400, error("document_parsing_exception"))),
       {kDelivered, kRefused},
       Next::kGoOn,
       false,
       ""},
      {"strict mapping",
       two(item(400, error("strict_dynamic_mapping_exception"))),
       {kDelivered, kRefused},
       Next::kGoOn,
       false,
       ""},
      {"dropped by a pipeline",
       two(R"({"create":{"_index":"x","result":"noop","status":200}})"),
       {kDelivered, kRefused},
       Next::kGoOn,
       false,
       ""},
      {"kept in the failure store",
       two(item(201, R"(,"failure_store":"used")")),
       {kDelivered, kRefused},
       Next::kGoOn,
       false,
       ""},
      {"not kept there",
       two(item(400, R"(,"failure_store":"not_enabled")" + error("x"))),
       {kDelivered, kRefused},
       Next::kGoOn,
       false,
       ""},
      {"the more careful of two",
       answer_of(200, items({item(429, error("x")), item(403, error("security_exception"))})),
       {kAgain, kAgain},
       Next::kHold,
       false,
       "did not take 2 of 2"},
  };
  return kRows;
}

TEST(BulkTest, EachAnswerHasItsVerdict) {
  for (const Row& row : rows()) {
    SCOPED_TRACE(row.name);
    const BulkAnswer judged = judge_bulk(row.answer, 2, "S");
    std::vector<Fate> fates;
    for (const Outcome& outcome : judged.attempt.outcomes) fates.push_back(outcome.fate);
    EXPECT_EQ(fates, row.fates);
    EXPECT_EQ(judged.attempt.next, row.next);
    EXPECT_EQ(judged.ambiguous, row.ambiguous);
    EXPECT_EQ(judged.attempt.trouble.empty(), *row.trouble == '\0') << judged.attempt.trouble;
    EXPECT_NE(judged.attempt.trouble.find(row.trouble), std::string::npos)
        << judged.attempt.trouble;
    EXPECT_EQ(judged.indexes.size(), fates.size());
  }
}

TEST(BulkTest, ARefusalSaysWhy) {
  const BulkAnswer judged = judge_bulk(
      two(item(400, error("document_parsing_exception", "failed to parse [x]"))), 2, "S");
  const Outcome& outcome = judged.attempt.outcomes[1];
  EXPECT_EQ(outcome.status, 400);
  EXPECT_EQ(outcome.type, "document_parsing_exception");
  EXPECT_EQ(outcome.reason, "failed to parse [x]");
}

TEST(BulkTest, OneRecordThatMakesTheRequestFailIsRefusedWithItsReason) {
  const HttpAnswer answer = answer_of(
      400, R"({"error":{"type":"action_request_validation_exception","reason":"id is too long"}})");
  const BulkAnswer judged = judge_bulk(answer, 1, "S");
  EXPECT_EQ(judged.attempt.whole.fate, kRefused);
  EXPECT_EQ(judged.attempt.whole.type, "action_request_validation_exception");
  EXPECT_EQ(judged.attempt.whole.reason, "id is too long");
}

TEST(BulkTest, AServerThatAsksForAPauseGetsIt) {
  HttpAnswer answer = answer_of(429, "");
  answer.retry_after = std::chrono::seconds{7};
  EXPECT_EQ(judge_bulk(answer, 2, "S").attempt.pause, std::chrono::seconds{7});
  answer.retry_after = std::chrono::seconds{INT64_MAX};
  EXPECT_EQ(judge_bulk(answer, 2, "S").attempt.pause, std::chrono::minutes{10}) << "but no other";
}

TEST(BulkTest, AnUnknownParameterIsNoFaultOfARecord) {
  const HttpAnswer answer =
      answer_of(400, R"({"error":{"type":"illegal_argument_exception","reason":)"
                     R"("request [/_bulk] contains unrecognized parameter: [filter_path]"}})");
  const BulkAnswer judged = judge_bulk(answer, 2, "S");
  EXPECT_EQ(judged.unknown_parameter, "filter_path");
  EXPECT_NE(judged.attempt.next, Next::kSmaller);
}

TEST(BulkTest, TheBodyHasTheIdOfTheRecord) {
  std::string body;
  EXPECT_TRUE(append_bulk(body, R"({"event.sequence": 7, "event.id": "a-b-7", "x": 1})"));
  EXPECT_FALSE(append_bulk(body, R"({"event.sequence": 8, "event.ie": "a-b-8", "x": 1})"));
  EXPECT_EQ(body,
            "{\"create\":{\"_id\":\"a-b-7\"}}\n"
            "{\"event.sequence\": 7, \"event.id\": \"a-b-7\", \"x\": 1}\n");
}

}  // namespace
}  // namespace natledger
