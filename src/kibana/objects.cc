// SPDX-License-Identifier: GPL-2.0-or-later
#include "kibana/objects.h"

#include <vector>

#include "kibana/fields.h"
#include "kibana/json_object.h"
#include "kibana/panels.h"
#include "kibana/vis_state.h"

namespace natledger {

namespace {

constexpr std::string_view kPatternId = "natledger";
constexpr std::string_view kIndexRef = "kibanaSavedObjectMeta.searchSourceJSON.index";
constexpr int kWidth = 48;

struct Reference {
  std::string_view type;
  std::string_view id;
  std::string name;
};

const Reference kToPattern{"index-pattern", kPatternId, std::string{kIndexRef}};

std::string reference_json(const Reference& reference) {
  JsonObject json;
  json.text("type", reference.type).text("id", reference.id).text("name", reference.name);
  return json.str();
}

// `version`: what the oldest front end knows of this type. A newer one, and it refuses the file.
std::string object_line(std::string_view type, std::string_view id, const char* version,
                        const JsonObject& attributes, const std::vector<Reference>& references) {
  JsonObject migration;
  migration.text(type, version);
  JsonObject json;
  json.text("type", type).text("id", id).json("attributes", attributes.str());
  json.json("references", json_array(references, reference_json));
  return json.json("migrationVersion", migration.str()).str() + "\n";
}

// `kibanaSavedObjectMeta`: what is searched.
std::string search_source(std::string_view query, bool has_pattern) {
  JsonObject kuery;
  kuery.text("query", query).text("language", "kuery");
  JsonObject source;
  source.json("query", kuery.str()).json("filter", "[]");
  if (has_pattern) source.text("indexRefName", kIndexRef);
  return JsonObject{}.text("searchSourceJSON", source.str()).str();
}

std::string pattern_line(const std::string& indices) {
  JsonObject attributes;
  attributes.text("title", indices).text("timeFieldName", "@timestamp");
  attributes.text("fields", kibana_fields()).text("fieldFormatMap", kibana_formats());
  return object_line("index-pattern", kPatternId, "7.6.0", attributes, {});
}

std::string search_line(const Panel& panel) {
  JsonObject attributes;
  attributes.text("title", panel.title).text("description", panel.help);
  attributes.json("columns",
                  json_array(panel.columns, [](std::string_view key) { return json_string(key); }));
  attributes.json("sort", R"([["@timestamp","desc"]])").number("version", 1);
  attributes.json("kibanaSavedObjectMeta", search_source(panel.query, true));
  return object_line("search", panel.id, "7.9.3", attributes, {kToPattern});
}

std::string visualization_line(const Panel& panel) {
  const bool is_text = panel.look == Look::kText;
  JsonObject attributes;
  attributes.text("title", panel.title).text("description", panel.help);
  attributes.text("visState", vis_state(panel)).text("uiStateJSON", "{}").number("version", 1);
  attributes.json("kibanaSavedObjectMeta", search_source(is_text ? "" : panel.query, !is_text));
  std::vector<Reference> references;
  if (!is_text) references.push_back(kToPattern);
  return object_line("visualization", panel.id, "7.9.3", attributes, references);
}

std::string panel_line(const Panel& panel) {
  return panel.look == Look::kRows ? search_line(panel) : visualization_line(panel);
}

std::string dashboard_line(const Dashboard& dashboard) {
  std::vector<Reference> references;
  int x = 0;
  int y = 0;
  const auto place_json = [&](const Place& place) {
    const std::string number = std::to_string(references.size() + 1);
    const std::string name = "panel_" + number;
    const bool is_rows = panel(place.panel).look == Look::kRows;
    references.push_back({is_rows ? "search" : "visualization", place.panel, name});
    JsonObject grid;
    grid.number("x", x).number("y", y).number("w", place.width).number("h", place.height);
    x += place.width;
    if (x >= kWidth) {
      x = 0;
      y += place.height;
    }
    JsonObject json;
    json.text("version", "7.9.3").json("gridData", grid.text("i", number).str());
    json.text("panelIndex", number).json("embeddableConfig", "{}");
    return json.text("panelRefName", name).str();
  };
  JsonObject attributes;
  attributes.text("title", dashboard.title).text("description", dashboard.help);
  attributes.text("panelsJSON", json_array(dashboard.places, place_json));
  attributes.text("optionsJSON", R"({"useMargins":true,"hidePanelTitles":false})");
  attributes.flag("timeRestore", false).number("version", 1);
  attributes.json("kibanaSavedObjectMeta", search_source("", false));
  return object_line("dashboard", dashboard.id, "7.9.3", attributes, references);
}

}  // namespace

std::string kibana_objects(const std::string& indices) {
  std::string text = pattern_line(indices);
  for (const Panel& panel : panels()) text += panel_line(panel);
  for (const Dashboard& dashboard : dashboards()) text += dashboard_line(dashboard);
  return text;
}

}  // namespace natledger
