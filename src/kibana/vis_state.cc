// SPDX-License-Identifier: GPL-2.0-or-later
#include "kibana/vis_state.h"

#include <vector>

#include "kibana/json_object.h"

namespace natledger {

namespace {

// Metrics are numbered from 1, buckets behind them.
std::string id_text(size_t at) { return std::to_string(at + 1); }

std::string aggregation(size_t at, std::string_view type, const char* schema,
                        const JsonObject& params) {
  JsonObject json;
  json.text("id", id_text(at)).flag("enabled", true).text("type", type).text("schema", schema);
  return json.json("params", params.str()).str();
}

std::string metric_json(size_t at, const Metric& metric) {
  JsonObject params;
  if (!metric.field.empty()) params.text("field", metric.field);
  if (!metric.label.empty()) params.text("customLabel", metric.label);
  return aggregation(at, metric.type, "metric", params);
}

// Seconds: from the single packet to connections that are kept for days.
constexpr std::string_view kRanges =
    R"([{"from":0,"to":1},{"from":1,"to":10},{"from":10,"to":60},{"from":60,"to":600},)"
    R"({"from":600,"to":3600},{"from":3600,"to":86400},{"from":86400}])";

JsonObject bucket_params(const Bucket& bucket) {
  JsonObject params;
  params.text("field", bucket.field);
  if (bucket.type == "terms") {
    params.text("orderBy", "1").text("order", bucket.least_first ? "asc" : "desc");
    params.number("size", bucket.size);
    params.flag("otherBucket", false).flag("missingBucket", false);
  } else if (bucket.type == "range") {
    params.json("ranges", kRanges);
  } else {
    params.text("interval", "auto").flag("drop_partials", false).number("min_doc_count", 1);
    params.json("extended_bounds", "{}");
  }
  params.text("customLabel", bucket.label);
  return params;
}

const char* bucket_schema(Look look, bool is_first) {
  if (look == Look::kTable) return "bucket";
  return is_first || look == Look::kPie ? "segment" : "group";
}

std::string aggregations(const Panel& panel) {
  std::string text;
  size_t at = 0;
  for (const Metric& metric : panel.metrics) {
    text.append(at == 0 ? "" : ",").append(metric_json(at, metric));
    ++at;
  }
  for (const Bucket& bucket : panel.buckets) {
    const bool is_first = &bucket == panel.buckets.data();
    text += "," + aggregation(at++, bucket.type, bucket_schema(panel.look, is_first),
                              bucket_params(bucket));
  }
  return "[" + text + "]";
}

// Of charts with axes. Each metric is a series.
std::string chart_params(const Panel& panel, const std::string& type) {
  size_t at = 0;
  const auto series = [&](const Metric& metric) {
    JsonObject data;
    data.text("label", metric.label).text("id", id_text(at++));
    JsonObject json;
    json.flag("show", true).text("type", type).text("mode", type == "line" ? "normal" : "stacked");
    json.json("data", data.str()).text("valueAxis", "ValueAxis-1");
    return json.flag("drawLinesBetweenPoints", true).flag("showCircles", true).str();
  };
  JsonObject json;
  json.text("type", type).json("grid", R"({"categoryLines":false})");
  json.json("categoryAxes",
            R"([{"id":"CategoryAxis-1","type":"category","position":"bottom","show":true,)"
            R"("scale":{"type":"linear"},"labels":{"show":true,"filter":true,"truncate":100},)"
            R"("title":{}}])");
  json.json("valueAxes",
            R"([{"id":"ValueAxis-1","name":"LeftAxis-1","type":"value","position":"left",)"
            R"("show":true,"scale":{"type":"linear","mode":"normal"},"labels":{"show":true,)"
            R"("rotate":0,"filter":false,"truncate":100},"title":{"text":)" +
                json_string(panel.metrics.front().label) + "}}]");
  json.json("seriesParams", json_array(panel.metrics, series));
  json.flag("addTooltip", true).flag("addLegend", true).text("legendPosition", "right");
  return json.json("times", "[]").flag("addTimeMarker", false).str();
}

constexpr std::string_view kTableParams =
    R"({"perPage":10,"showPartialRows":false,"showMetricsAtAllLevels":false,"showTotal":false,)"
    R"("totalFunc":"sum","percentageCol":""})";
constexpr std::string_view kPieParams =
    R"({"type":"pie","addTooltip":true,"addLegend":true,"legendPosition":"right","isDonut":true,)"
    R"("labels":{"show":false,"values":true,"last_level":true,"truncate":100}})";

}  // namespace

std::string vis_state(const Panel& panel) {
  JsonObject json;
  json.text("title", panel.title);
  switch (panel.look) {
    case Look::kText: {
      JsonObject params;
      params.number("fontSize", 12).flag("openLinksInNewTab", false).text("markdown", panel.query);
      return json.text("type", "markdown").json("params", params.str()).json("aggs", "[]").str();
    }
    case Look::kTable:
      json.text("type", "table").json("params", kTableParams);
      break;
    case Look::kPie:
      json.text("type", "pie").json("params", kPieParams);
      break;
    case Look::kLines:
      json.text("type", "line").json("params", chart_params(panel, "line"));
      break;
    case Look::kBars:
    case Look::kRows:
      json.text("type", "histogram").json("params", chart_params(panel, "histogram"));
      break;
  }
  return json.json("aggs", aggregations(panel)).str();
}

}  // namespace natledger
