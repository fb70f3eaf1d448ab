// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/record_search.h"

#include <unistd.h>

#include <rapidjson/document.h>
#include <rapidjson/pointer.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include "base/error.h"
#include "base/json_text.h"

namespace natledger {

namespace {

using Json = rapidjson::Value;

// Servers refuse more in one answer; whole records are some MB then.
constexpr size_t kPage = 10'000;
constexpr size_t kRecordPage = 4000;
constexpr std::string_view kByNumber = R"([{"event.sequence":"asc"},{"event.id":"asc"}])";

[[noreturn]] void refuse(const std::string& attempt, const std::string& why) {
  throw SystemError(attempt + ": " + why);
}

// What there is to do where a server says no.
std::string remedy_of(int status) {
  if (status == 401) return " (are the credentials of output.elasticsearch those of who may ask?)";
  if (status == 403) {
    return " (the role natledger_who of natledger-ship setup elasticsearch --print-role may ask)";
  }
  if (status == 404) return " (there is no such data stream; see output.elasticsearch.data_stream)";
  return {};
}

const Json* at(const Json& value, const char* path) {
  return rapidjson::GetValueByPointer(value, rapidjson::Pointer{path});
}

uint64_t number_at(const Json& value, const char* path) {
  const Json* number = at(value, path);
  if (number == nullptr) return 0;
  if (number->IsUint64()) return number->GetUint64();
  // Greatest and least come as floating point, which is exact up to 2^53.
  return number->IsNumber() && number->GetDouble() > 0 ? static_cast<uint64_t>(number->GetDouble())
                                                       : 0;
}

std::string text_at(const Json& value, const char* path) {
  const Json* text = at(value, path);
  if (text == nullptr || !text->IsString()) return {};
  return {text->GetString(), text->GetStringLength()};
}

std::string json_of(const Json& value) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer{buffer};
  value.Accept(writer);
  return {buffer.GetString(), buffer.GetSize()};
}

// The members of an object as the encoder spells them; of objects within, which a server may have
// made of dotted keys, the keys are dotted again.
void append_members(const Json& object, const std::string& before, std::string& line) {
  for (const auto& [name, value] : object.GetObject()) {
    const std::string key = before + std::string{name.GetString(), name.GetStringLength()};
    if (value.IsObject()) {
      append_members(value, key + ".", line);
      continue;
    }
    if (line.size() > 1) line += ", ";
    line += json_string(key) + ": ";
    if (!value.IsArray()) {
      line += json_of(value);
      continue;
    }
    line += '[';
    for (const Json& item : value.GetArray()) {
      if (!line.ends_with('[')) line += ", ";
      line += json_of(item);
    }
    line += ']';
  }
}

ServedRecord record_of(const Json& hit) {
  ServedRecord record;
  record.line = "{";
  if (const Json* source = at(hit, "/_source"); source != nullptr && source->IsObject()) {
    append_members(*source, "", record.line);
    const auto id = source->FindMember("event.id");
    if (id != source->MemberEnd() && id->value.IsString()) record.id = id->value.GetString();
    const auto number = source->FindMember("event.sequence");
    if (number != source->MemberEnd() && number->value.IsUint64()) {
      record.sequence = number->value.GetUint64();
    }
  }
  if (record.sequence == 0) record.sequence = number_at(hit, "/sort/0");
  if (record.id.empty()) record.id = text_at(hit, "/_id");
  record.line += '}';
  return record;
}

// Part of an answer, with what holds it.
struct Found {
  rapidjson::Document answer;
  const Json* items = nullptr;

  auto all() const { return items->GetArray(); }
  // Where the next page goes on; empty behind the last.
  std::string next(size_t page) const {
    if (items->Size() < page) return {};
    const Json* sort = at((*items)[items->Size() - 1], "/sort");
    return sort == nullptr ? "" : json_of(*sort);
  }
};

// The array of an answer at `path`. Throws where that does not speak for all shards.
Found found_in(const std::string& text, const char* path, const std::string& server) {
  Found found;
  found.answer.Parse<rapidjson::kParseIterativeFlag>(text.data(), text.size());
  if (found.answer.HasParseError() || !found.answer.IsObject()) {
    refuse("ask " + server, "the answer is no JSON");
  }
  const Json& answer = found.answer;
  const Json* timed_out = at(answer, "/timed_out");
  const bool whole =
      timed_out != nullptr && timed_out->IsFalse() && at(answer, "/_shards/failed") != nullptr &&
      number_at(answer, "/_shards/failed") == 0 &&
      number_at(answer, "/_shards/successful") == number_at(answer, "/_shards/total");
  found.items = whole ? at(answer, path) : nullptr;
  if (found.items == nullptr || !found.items->IsArray()) {
    refuse("ask " + server, "the answer is not of all shards");
  }
  return found;
}

std::string page_body(const std::string& query, size_t size, std::string_view sort,
                      const std::string& after, const std::string& what) {
  std::string body = R"({"size":)" + std::to_string(size) +
                     R"(,"track_total_hits":false,"query":)" + query + R"(,"sort":)" +
                     std::string{sort};
  if (!after.empty()) body += R"(,"search_after":)" + after;
  return body + what + "}";
}

constexpr const char* kStatistics =
    R"({"first":{"min":{"field":"event.sequence"}},"last":{"max":{"field":"event.sequence"}}})";

}  // namespace

// One question's searches go to the same copies of the shards, so that none is behind the one
// before it.
RecordSearch::RecordSearch(const ElasticsearchOptions& options)
    : data_stream_(options.data_stream),
      preference_("natledger-" + std::to_string(::getpid()) + "-" + std::to_string(now().ns)),
      hosts_(options.hosts, options.http) {}

std::string RecordSearch::name() const { return hosts_.shown_url() + "/" + data_stream_; }

std::string RecordSearch::ask(const std::string& path, const std::string& body) {
  const char* const method = body.empty() ? "GET" : "POST";
  HttpAnswer answer = hosts_.ask({.method = method, .path = path, .body = body});
  if (!answer.failure.empty()) refuse("ask " + name(), answer.failure);
  if (answer.status != 200) {
    refuse("ask " + name(), "status " + std::to_string(answer.status) + " " +
                                answer.body.substr(0, 300) + remedy_of(answer.status));
  }
  return std::move(answer.body);
}

std::string RecordSearch::search(const std::string& body) {
  return ask(
      "/" + data_stream_ + "/_search?allow_partial_search_results=false&preference=" + preference_,
      body);
}

void RecordSearch::visit(const std::string& query,
                         const std::function<bool(const ServedRecord&)>& visit) {
  std::string after;
  do {
    const std::string body = page_body(query, kRecordPage, kByNumber, after, "");
    const Found found = found_in(search(body), "/hits/hits", name());
    for (const Json& hit : found.all()) {
      if (!visit(record_of(hit))) return;
    }
    after = found.next(kRecordPage);
  } while (!after.empty());
}

std::optional<ServedRecord> RecordSearch::first(const std::string& query, std::string_view sort,
                                                const std::string& after) {
  const Found found = found_in(search(page_body(query, 1, sort, after, "")), "/hits/hits", name());
  if (found.items->Empty()) return {};
  return record_of((*found.items)[0]);
}

std::optional<ServedRecord> RecordSearch::last(const std::string& query) {
  return first(query, R"([{"event.sequence":"desc"}])", "");
}

std::optional<ServedRecord> RecordSearch::first_id(const std::string& query,
                                                   const std::string& after) {
  return first(query, R"([{"event.id":"asc"}])",
               after.empty() ? "" : "[" + json_string(after) + "]");
}

std::optional<ServedRecord> RecordSearch::last_id(const std::string& query) {
  return first(query, R"([{"event.id":"desc"}])", "");
}

void RecordSearch::visit_values(const std::string& query, const std::string& key,
                                const std::function<void(const std::string&)>& visit) {
  const std::string what = R"(,"_source":false,"docvalue_fields":[)" + json_string(key) + "]";
  std::string after;
  do {
    const std::string body = page_body(query, kPage, kByNumber, after, what);
    const Found found = found_in(search(body), "/hits/hits", name());
    for (const Json& hit : found.all()) {
      const std::string value = text_at(hit, ("/fields/" + key + "/0").c_str());
      if (!value.empty()) visit(value);
    }
    after = found.next(kPage);
  } while (!after.empty());
}

std::vector<uint64_t> RecordSearch::numbers(const std::string& query) {
  const std::string body = page_body(query, kPage, kByNumber, "", R"(,"_source":false)");
  const Found found = found_in(search(body), "/hits/hits", name());
  std::vector<uint64_t> numbers;
  for (const Json& hit : found.all()) numbers.push_back(number_at(hit, "/sort/0"));
  return numbers;
}

uint64_t RecordSearch::count(const std::string& query) {
  const std::string body = R"({"size":0,"track_total_hits":true,"query":)" + query + "}";
  return number_at(found_in(search(body), "/hits/hits", name()).answer, "/hits/total/value");
}

std::vector<NumberCount> RecordSearch::count_numbers(const std::string& query,
                                                     const NumberRanges& runs) {
  std::string ranges;
  for (const auto& [first, last] : runs) {
    ranges += (ranges.empty() ? R"({"from":)" : R"(,{"from":)") + std::to_string(first) +
              R"(,"to":)" + std::to_string(last + 1) + "}";
  }
  const std::string parts = runs.empty()
                                ? R"("terms":{"field":"_index","size":10000})"
                                : R"("range":{"field":"event.sequence","ranges":[)" + ranges + "]}";
  const std::string body = R"({"size":0,"track_total_hits":false,"query":)" + query +
                           R"(,"aggs":{"parts":{)" + parts + R"(,"aggs":)" + kStatistics + "}}}";
  const Found found = found_in(search(body), "/aggregations/parts/buckets", name());
  std::vector<NumberCount> counts;
  for (const Json& bucket : found.all()) {
    const NumberCount count{text_at(bucket, "/key"), number_at(bucket, "/first/value"),
                            number_at(bucket, "/last/value"), number_at(bucket, "/doc_count")};
    if (count.count != 0) counts.push_back(count);
  }
  return counts;
}

std::vector<std::string> RecordSearch::types(const std::vector<std::string>& keys) {
  std::string list;
  for (const std::string& key : keys) list += (list.empty() ? "" : ",") + key;
  const std::string text = ask("/" + data_stream_ + "/_field_caps?fields=" + list, "");
  rapidjson::Document answer;
  answer.Parse<rapidjson::kParseIterativeFlag>(text.data(), text.size());
  std::vector<std::string> types;
  const Json* fields = answer.HasParseError() ? nullptr : at(answer, "/fields");
  if (fields == nullptr || !fields->IsObject()) return types;
  for (const auto& [key, kinds] : fields->GetObject()) {
    // The objects around a key come too.
    if (!kinds.IsObject() || kinds.HasMember("object")) continue;
    for (const auto& [kind, rest] : kinds.GetObject()) {
      types.push_back(std::string{key.GetString()} + " " + kind.GetString());
    }
  }
  return types;
}

}  // namespace natledger
