// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/earlier_records.h"

#include <span>

#include <rapidjson/document.h>
#include <rapidjson/pointer.h>

#include "ship/parts.h"
#include "ship/query.h"

namespace natledger {

namespace {

EarlierRecords find_in(const Ask& ask, std::span<const std::string> indices,
                       const std::string& body) {
  const std::string path = path_of(indices) + "/_count?terminate_after=1";
  const HttpAnswer answer = ask({.method = "POST", .path = path, .body = body});
  EarlierRecords found;
  found.forbidden = is_forbidden(answer);
  found.why = refusal_of(answer);
  if (!found.why.empty()) return found;
  rapidjson::Document parsed;
  parsed.Parse<rapidjson::kParseIterativeFlag>(answer.body.data(), answer.body.size());
  const bool is_json = !parsed.HasParseError();
  const auto* count = is_json ? rapidjson::GetValueByPointer(parsed, "/count") : nullptr;
  const auto* failed = is_json ? rapidjson::GetValueByPointer(parsed, "/_shards/failed") : nullptr;
  if (count != nullptr && count->IsUint64() && count->GetUint64() != 0) {
    found.there = true;
  } else if (count != nullptr && count->IsUint64() && failed != nullptr && failed->IsUint() &&
             failed->GetUint() == 0) {
    found.there = false;
  } else {
    found.why = "the answer is not of all shards";
  }
  return found;
}

}  // namespace

EarlierRecords find_earlier_records(const Ask& ask, const std::string& data_stream,
                                    std::string_view id_prefix) {
  const BackingIndices backing = list_backing_indices(ask, data_stream);
  EarlierRecords found;
  found.forbidden = backing.forbidden;
  found.why = backing.why;
  if (!found.why.empty()) return found;
  found.there = false;
  const std::string body = R"({"query":)" + begins_with("event.id", id_prefix) + "}";
  by_parts(std::span<const std::string>{backing.names}, kIndicesInAPath,
           [&](std::span<const std::string> some) {
             if (found.there != false) return;
             found = find_in(ask, some, body);
           });
  return found;
}

}  // namespace natledger
