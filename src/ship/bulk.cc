// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/bulk.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <rapidjson/document.h>

#include "ledger/line.h"

namespace natledger {

namespace {

using Next = Attempt::Next;
using Value = rapidjson::Value;

constexpr size_t kMostReason = 400;
// A server, or what is before it, may ask for any pause.
constexpr std::chrono::seconds kLongestPause = std::chrono::minutes{10};

std::string_view text_of(const Value& object, const char* key) {
  if (!object.IsObject()) return {};
  const auto found = object.FindMember(key);
  if (found == object.MemberEnd() || !found->value.IsString()) return {};
  return {found->value.GetString(), found->value.GetStringLength()};
}

const Value* member_of(const Value& object, const char* key) {
  if (!object.IsObject()) return nullptr;
  const auto found = object.FindMember(key);
  return found == object.MemberEnd() ? nullptr : &found->value;
}

// What a server said went wrong, of an item or of a whole request.
struct Fault {
  int status = 0;
  std::string_view type;
  std::string_view reason;
};

// What the servers call "this index cannot be written now, whatever the document".
bool is_of_the_index(const Fault& fault) {
  constexpr std::array<std::string_view, 4> kTypes{
      "index_closed_exception",
      "validation_exception",  // the cluster has its most shards
      "index_not_found_exception", "invalid_index_name_exception"};
  return std::ranges::find(kTypes, fault.type) != kTypes.end() ||
         fault.reason.starts_with("pipeline with id [") ||
         fault.reason.starts_with("no write index is defined for alias [");
}

// What becomes of one record, and when the next attempt is due for its sake.
struct Judgement {
  Fate fate = Fate::kAgain;
  Next next = Next::kGoOn;
  std::string_view remedy;  // of what is no fault of the record
};

Judgement judge_item(const Fault& fault) {
  if (fault.status == 201) return {Fate::kDelivered, Next::kGoOn, {}};
  if (fault.status == 409) return {Fate::kDuplicate, Next::kGoOn, {}};
  if (fault.type == "cluster_block_exception") {
    return {Fate::kAgain, Next::kBackOff,
            "the index is blocked: make room on the server, or lift the block"};
  }
  if (fault.status == 429 || fault.status >= 500) {
    return {Fate::kAgain, Next::kBackOff, "the server has too much to do, or is not whole"};
  }
  if (fault.status == 401 || fault.status == 403) {
    return {Fate::kAgain, Next::kHold,
            "give its role create_doc and auto_configure on the data stream"};
  }
  if (is_of_the_index(fault)) {
    return {Fate::kAgain, Next::kHold,
            "make the data stream: natledger-ship setup elasticsearch; or see "
            "output.elasticsearch.data_stream"};
  }
  return {Fate::kRefused, Next::kGoOn, {}};
}

std::string fault_text(const Fault& fault) {
  std::string text = "status " + std::to_string(fault.status);
  if (!fault.type.empty()) text.append(" ").append(fault.type);
  if (!fault.reason.empty()) text.append(": ").append(fault.reason.substr(0, kMostReason));
  return text;
}

// `said`: an item, or the answer to a request.
Fault fault_of(int status, const Value& said) {
  Fault fault{status, {}, {}};
  if (const Value* error = member_of(said, "error")) {
    fault.type = text_of(*error, "type");
    fault.reason = text_of(*error, "reason");
    if (error->IsString()) fault.reason = {error->GetString(), error->GetStringLength()};
  }
  return fault;
}

Fault fault_of_item(const Value& item) {
  // Taken, but into a place where nobody searches.
  if (text_of(item, "failure_store") == "used") {
    return {400, "failure_store", "the server kept it in the failure store of the data stream"};
  }
  const int status = member_of(item, "status")->GetInt();
  // What is created has 201. With its `result` "noop", where a pipeline has a drop processor.
  if (status == 200) return {status, "dropped", "a pipeline of the server dropped it"};
  return fault_of(status, item);
}

// A batch goes into one index, or into two where it rolled over.
uint32_t place_of(std::string_view name, std::vector<std::string>& names) {
  const auto found = std::ranges::find(names, name);
  const auto place = static_cast<uint32_t>(found - names.begin());
  if (found == names.end()) names.emplace_back(name);
  return place;
}

BulkAnswer judge_items(const Value& items, const std::string& server) {
  BulkAnswer answer;
  std::optional<Fault> first;
  std::string_view remedy;
  size_t again = 0;
  for (const Value& each : items.GetArray()) {
    const Value& item = each.MemberBegin()->value;
    const Fault fault = fault_of_item(item);
    const Judgement judged = judge_item(fault);
    Outcome& outcome = answer.attempt.outcomes.emplace_back();
    outcome.fate = judged.fate;
    if (judged.fate == Fate::kRefused) {
      outcome.status = fault.status;
      outcome.type = fault.type;
      outcome.reason = fault.reason.substr(0, kMostReason);
    }
    answer.indexes.push_back(place_of(text_of(item, "_index"), answer.index_names));
    answer.attempt.next = std::max(answer.attempt.next, judged.next);  // the more careful
    // A primary that went away amid its work may have done it.
    answer.ambiguous = answer.ambiguous || fault.status >= 500;
    if (judged.fate != Fate::kAgain) continue;
    ++again;
    if (!first) {
      first = fault;
      remedy = judged.remedy;
    }
  }
  if (first) {
    answer.attempt.trouble = server + " did not take " + std::to_string(again) + " of " +
                             std::to_string(items.Size()) + " records yet, the first with " +
                             fault_text(*first) + " (" + std::string{remedy} + ")";
  }
  return answer;
}

// Whether it is an object of one object that says what became of a record.
bool is_item(const Value& item) {
  if (!item.IsObject() || item.MemberCount() != 1) return false;
  const Value* status = member_of(item.MemberBegin()->value, "status");
  if (status == nullptr || !status->IsInt()) return false;
  return status->GetInt() == 200 || status->GetInt() == 201 || status->GetInt() >= 400;
}

bool are_items(const Value* items, size_t sent) {
  return items != nullptr && items->IsArray() && items->Size() == sent &&
         std::ranges::all_of(items->GetArray(), is_item);
}

BulkAnswer unknown_outcome(Next next, std::string trouble, bool ambiguous) {
  BulkAnswer answer;
  answer.attempt.next = next;
  answer.attempt.trouble = std::move(trouble);
  answer.ambiguous = ambiguous;
  return answer;
}

// "request [/_bulk] contains unrecognized parameter: [x]", as both servers have it.
std::string unknown_parameter_of(const Fault& fault) {
  constexpr std::string_view kSays = "contains unrecognized parameter: [";
  const size_t at = fault.reason.find(kSays);
  if (at == std::string_view::npos) return {};
  const std::string_view name = fault.reason.substr(at + kSays.size());
  return std::string{name.substr(0, name.find(']'))};
}

BulkAnswer judge_refusal(const HttpAnswer& answer, const std::string& server) {
  rapidjson::Document body;
  // Iteratively, here and below: an answer nested a million deep must not end our stack.
  body.Parse<rapidjson::kParseIterativeFlag>(answer.body.data(), answer.body.size());
  const Fault fault = fault_of(answer.status, body);
  const std::string said = server + " answered " + fault_text(fault);
  BulkAnswer judged;
  Attempt& attempt = judged.attempt;
  switch (answer.status) {
    case 413:
      attempt.next = Next::kSmaller;
      attempt.whole = {Fate::kRefused, 413, "too_large",
                       "the record is longer than the server's http.max_content_length"};
      return judged;
    case 408:
      // Of a proxy: what it passed on it does not say.
      judged.ambiguous = true;
      [[fallthrough]];
    case 429:
      attempt.next = Next::kBackOff;
      attempt.pause = std::min(answer.retry_after, kLongestPause);
      attempt.trouble = said + " (it has too much to do)";
      return judged;
    case 400:
      judged.unknown_parameter = unknown_parameter_of(fault);
      if (!judged.unknown_parameter.empty()) return judged;
      // Of a proxy, or of no record: each would be refused like the first.
      if (fault.type.empty() || is_of_the_index(fault)) break;
      attempt.next = Next::kSmaller;
      attempt.whole = {Fate::kRefused, 400, std::string{fault.type},
                       std::string{fault.reason.substr(0, kMostReason)}};
      return judged;
    case 401:
    case 403:
      if (fault.type == "cluster_block_exception") {
        attempt.next = Next::kBackOff;
        attempt.trouble = said + " (the cluster is blocked: make room on it, or lift the block)";
        return judged;
      }
      attempt.next = Next::kHold;
      attempt.trouble = said + " (look at the credentials, and at the rights of their role)";
      return judged;
    case 501:
      break;
    default:
      if (answer.status < 500) break;
      attempt.next = Next::kBackOff;
      attempt.trouble = said + " (look at the server)";
      // A gateway's timeout says nothing of what is behind it.
      judged.ambiguous = true;
      return judged;
  }
  attempt.next = Next::kHold;
  attempt.trouble = said + " (is that the right address, and is there a proxy before it?)";
  return judged;
}

}  // namespace

bool append_bulk(std::string& body, std::string_view line) {
  const std::string_view id = id_of(line);
  if (id.empty()) return false;
  body += R"({"create":{"_id":")";
  body += id;
  body += "\"}}\n";
  body += line;
  body += '\n';
  return true;
}

BulkAnswer judge_bulk(const HttpAnswer& answer, size_t sent, const std::string& server) {
  if (!answer.failure.empty()) {
    std::string trouble = "send to " + server + ": " + answer.failure;
    if (!answer.remedy.empty()) trouble.append(" (").append(answer.remedy).append(")");
    return unknown_outcome(Next::kBackOff, std::move(trouble), answer.ambiguous);
  }
  if (answer.status < 200 || answer.status > 299) return judge_refusal(answer, server);
  rapidjson::Document body;
  body.Parse<rapidjson::kParseIterativeFlag>(answer.body.data(), answer.body.size());
  if (body.HasParseError()) {
    return unknown_outcome(Next::kBackOff, server + " sent an answer that is no whole JSON", true);
  }
  const Value* items = member_of(body, "items");
  if (!are_items(items, sent)) {
    return unknown_outcome(
        Next::kBackOff,
        server + " did not answer for each of the " + std::to_string(sent) + " records", true);
  }
  return judge_items(*items, server);
}

}  // namespace natledger
