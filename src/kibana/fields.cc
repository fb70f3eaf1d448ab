// SPDX-License-Identifier: GPL-2.0-or-later
#include "kibana/fields.h"

#include <vector>

#include "flow/fields.h"
#include "kibana/json_object.h"

namespace natledger {

namespace {

std::string_view kibana_type(FieldType type) {
  switch (type) {
    case FieldType::kKeyword:
      return "string";
    case FieldType::kIp:
      return "ip";
    case FieldType::kDate:
      return "date";
    case FieldType::kBoolean:
      return "boolean";
    case FieldType::kShort:
    case FieldType::kInteger:
    case FieldType::kLong:
      break;
  }
  return "number";
}

struct Entry {
  std::string_view name;
  std::string_view type;
  std::string_view server_type;  // empty: none
  bool searchable = true;
  bool has_doc_values = true;
};

std::string entry_json(const Entry& entry) {
  JsonObject json;
  json.number("count", 0).flag("scripted", false).text("name", entry.name).text("type", entry.type);
  if (!entry.server_type.empty()) {
    json.json("esTypes", "[" + json_string(entry.server_type) + "]");
  }
  json.flag("searchable", entry.searchable).flag("aggregatable", entry.searchable);
  return json.flag("readFromDocValues", entry.has_doc_values).str();
}

// As a server has them in every index.
constexpr Entry kOfServer[] = {
    {"_id", "string", "_id", true, false},     {"_index", "string", "_index", true, false},
    {"_score", "number", "", false, false},    {"_source", "_source", "_source", false, false},
    {"_type", "string", "_type", true, false},
};

// Nothing for what is shown as it is.
std::string format_of(const Field& field) {
  if (kibana_type(field.type) != "number") return {};
  switch (field.measure) {
    case Measure::kNothing:
      return R"({"id":"number","params":{"pattern":"0"}})";
    case Measure::kBytes:
      return R"({"id":"bytes","params":{}})";
    case Measure::kSeconds:
      return R"({"id":"duration","params":{"inputFormat":"seconds","outputFormat":"asSeconds",)"
             R"("outputPrecision":0}})";
    case Measure::kNanoseconds:
      return R"({"id":"duration","params":{"inputFormat":"nanoseconds",)"
             R"("outputFormat":"asSeconds","outputPrecision":6}})";
    case Measure::kCount:
      break;
  }
  return {};
}

}  // namespace

std::string kibana_fields() {
  std::vector<Entry> entries(std::begin(kOfServer), std::end(kOfServer));
  for (const Field& field : fields()) {
    const Entry entry{field.name, kibana_type(field.type), elastic_type(field.type)};
    entries.push_back(entry);
    if (!field.ecs.empty()) entries.push_back({field.ecs, entry.type, entry.server_type});
  }
  return json_array(entries, entry_json);
}

std::string kibana_formats() {
  JsonObject json;
  for (const Field& field : fields()) {
    const std::string format = format_of(field);
    if (format.empty()) continue;
    json.json(field.name, format);
    if (!field.ecs.empty()) json.json(field.ecs, format);
  }
  return json.str();
}

}  // namespace natledger
