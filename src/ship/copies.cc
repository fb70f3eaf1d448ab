// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/copies.h"

#include <algorithm>
#include <iterator>

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include "base/json_text.h"
#include "base/time.h"
#include "ship/parts.h"

namespace natledger {

std::string refusal_of(const HttpAnswer& answer) {
  if (!answer.failure.empty()) return answer.failure;
  if (answer.status != 200) return "status " + std::to_string(answer.status);
  return {};
}

bool is_forbidden(const HttpAnswer& answer) {
  return answer.failure.empty() && answer.status == 403;
}

namespace {

std::string place_text(const Copy& copy) {
  return R"({"_index":)" + json_string(copy.index) + R"(,"_id":)" + json_string(copy.id);
}

// Of an index that has been removed since, nothing is there.
bool is_gone(const rapidjson::Value& doc) {
  const auto error = doc.FindMember("error");
  if (error == doc.MemberEnd() || !error->value.IsObject()) return false;
  const auto type = error->value.FindMember("type");
  return type != error->value.MemberEnd() && type->value.IsString() &&
         std::string_view{type->value.GetString()} == "index_not_found_exception";
}

std::string text_of(const rapidjson::Value& value) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer{buffer};
  value.Accept(writer);
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace

namespace {

// Bodies stay well below what servers take.
constexpr size_t kCopiesAtOnce = 20'000;

LookUp look_up_at_once(const Ask& ask, std::span<const Copy> copies, bool with_source) {
  std::string body = R"({"docs":[)";
  for (const Copy& copy : copies) {
    if (body.back() != '[') body += ',';
    body += place_text(copy) + (with_source ? "}" : R"(,"_source":false})");
  }
  body += "]}";
  const HttpAnswer answer = ask({.method = "POST", .path = "/_mget", .body = body});
  LookUp result;
  result.forbidden = is_forbidden(answer);
  result.why = refusal_of(answer);
  if (!result.why.empty()) return result;
  rapidjson::Document parsed;
  parsed.Parse<rapidjson::kParseIterativeFlag>(answer.body.data(), answer.body.size());
  const bool whole = !parsed.HasParseError() && parsed.IsObject() && parsed.HasMember("docs") &&
                     parsed["docs"].IsArray() && parsed["docs"].Size() == copies.size();
  if (!whole) {
    result.why = "no answer for each document";
    return result;
  }
  for (const rapidjson::Value& doc : parsed["docs"].GetArray()) {
    const bool said = doc.IsObject() && doc.HasMember("found") && doc["found"].IsBool();
    if (!said && !(doc.IsObject() && is_gone(doc))) {
      result.found.clear();
      result.why = "a document could not be looked up";
      // The rights on an index are judged for each document.
      result.forbidden =
          doc.IsObject() && text_of(doc).find("security_exception") != std::string::npos;
      return result;
    }
    result.found.push_back(said && doc["found"].GetBool());
    const bool has_source = said && doc.HasMember("_source");
    if (with_source) result.sources.push_back(has_source ? text_of(doc["_source"]) : "");
  }
  return result;
}

}  // namespace

LookUp look_up(const Ask& ask, std::span<const Copy> copies, bool with_source) {
  LookUp whole;
  by_parts(copies, kCopiesAtOnce, [&](std::span<const Copy> some) {
    if (!whole.why.empty()) return;
    LookUp part = look_up_at_once(ask, some, with_source);
    whole.found.insert(whole.found.end(), part.found.begin(), part.found.end());
    std::ranges::move(part.sources, std::back_inserter(whole.sources));
    whole.why = std::move(part.why);
    whole.forbidden = part.forbidden;
  });
  if (!whole.why.empty()) whole.found.clear();
  return whole;
}

namespace {

// Of each of `kind`, what it has under `key`: a name, or several.
void add_names(const rapidjson::Value& answer, const char* kind, const char* key,
               std::vector<std::string>& names) {
  const auto found = answer.FindMember(kind);
  if (found == answer.MemberEnd() || !found->value.IsArray()) return;
  for (const rapidjson::Value& one : found->value.GetArray()) {
    if (!one.IsObject() || !one.HasMember(key)) continue;
    const rapidjson::Value& named = one[key];
    if (named.IsString()) names.emplace_back(named.GetString());
    if (!named.IsArray()) continue;
    for (const rapidjson::Value& name : named.GetArray()) {
      if (name.IsString()) names.emplace_back(name.GetString());
    }
  }
}

}  // namespace

std::string path_of(std::span<const std::string> indices) {
  std::string path = "/";
  for (const std::string& index : indices) path += (path.size() > 1 ? "," : "") + index;
  return path;
}

BackingIndices list_backing_indices(const Ask& ask, const std::string& data_stream) {
  const std::string path = "/_resolve/index/" + data_stream;
  const HttpAnswer answer = ask({.path = path});
  BackingIndices result;
  if (answer.failure.empty() && answer.status == 404) return result;
  result.forbidden = is_forbidden(answer);
  result.why = refusal_of(answer);
  if (!result.why.empty()) return result;
  rapidjson::Document parsed;
  parsed.Parse<rapidjson::kParseIterativeFlag>(answer.body.data(), answer.body.size());
  if (parsed.HasParseError() || !parsed.IsObject()) {
    result.why = "no JSON";
    return result;
  }
  // One of the three has what was asked for. Those of an alias are in the order of their names.
  add_names(parsed, "data_streams", "backing_indices", result.names);
  add_names(parsed, "aliases", "indices", result.names);
  add_names(parsed, "indices", "name", result.names);
  return result;
}

std::string remove_copies(const Ask& ask, std::span<const Copy> copies) {
  std::string body;
  for (const Copy& copy : copies) body += R"({"delete":)" + place_text(copy) + "}}\n";
  const HttpAnswer answer = ask(
      {.method = "POST", .path = "/_bulk", .body = body, .content_type = "application/x-ndjson"});
  std::string why = refusal_of(answer);
  if (!why.empty()) return why;
  rapidjson::Document parsed;
  parsed.Parse<rapidjson::kParseIterativeFlag>(answer.body.data(), answer.body.size());
  const bool whole = !parsed.HasParseError() && parsed.IsObject() && parsed.HasMember("items") &&
                     parsed["items"].IsArray() && parsed["items"].Size() == copies.size();
  if (!whole) return "no answer for each document";
  for (const rapidjson::Value& item : parsed["items"].GetArray()) {
    const bool said = item.IsObject() && item.HasMember("delete") && item["delete"].IsObject() &&
                      item["delete"].HasMember("status") && item["delete"]["status"].IsInt();
    const int status = said ? item["delete"]["status"].GetInt() : 0;
    if (status != 200 && status != 404) return "status " + std::to_string(status);
  }
  return {};
}

namespace {

// A document without these is none of ours.
constexpr std::string_view kNeeded[] = {"event.id", "@timestamp"};
constexpr std::string_view kKnownBy[] = {"event.sequence", "event.action",  "src_ip",
                                         "dest_ip",        "orig.l4.sport", "orig.l4.dport"};

// Null when there is none.
const rapidjson::Value* find(const rapidjson::Value& object, std::string_view name) {
  if (!object.IsObject()) return nullptr;
  const rapidjson::Value key{name.data(), static_cast<rapidjson::SizeType>(name.size())};
  if (const auto found = object.FindMember(key); found != object.MemberEnd()) return &found->value;
  const size_t dot = name.find('.');
  if (dot == std::string_view::npos) return nullptr;
  const rapidjson::Value* within = find(object, name.substr(0, dot));
  return within == nullptr ? nullptr : find(*within, name.substr(dot + 1));
}

// A server that makes documents from its columns gives what its mapping keeps: milliseconds.
bool is_same_instant(const rapidjson::Value& a, const rapidjson::Value& b) {
  if (!a.IsString() || !b.IsString()) return false;
  const auto one = parse_rfc3339(a.GetString()), other = parse_rfc3339(b.GetString());
  constexpr int64_t kMillisecond = 1'000'000;
  return one && other && one->ns / kMillisecond == other->ns / kMillisecond;
}

}  // namespace

bool is_same_record(std::string_view document, std::string_view record) {
  rapidjson::Document theirs, ours;
  theirs.Parse<rapidjson::kParseIterativeFlag>(document.data(), document.size());
  ours.Parse<rapidjson::kParseIterativeFlag>(record.data(), record.size());
  if (theirs.HasParseError() || ours.HasParseError()) return false;
  const auto differs = [&](std::string_view name, bool needed) {
    const rapidjson::Value* a = find(theirs, name);
    const rapidjson::Value* b = find(ours, name);
    if (a == nullptr || b == nullptr) return needed;
    return name == "@timestamp" ? !is_same_instant(*a, *b) : *a != *b;
  };
  return std::ranges::none_of(kNeeded, [&](auto name) { return differs(name, true); }) &&
         std::ranges::none_of(kKnownBy, [&](auto name) { return differs(name, false); });
}

}  // namespace natledger
