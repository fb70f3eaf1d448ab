// SPDX-License-Identifier: GPL-2.0-or-later
// What our dashboards show: the table that saved objects, their checks and the README follow.
//
// A panel claims only what one record, or a count over records, says. Whether a flow is still open
// would need its start and the absence of its end.
#pragma once

#include <string_view>
#include <vector>

namespace natledger {

struct Metric {
  std::string_view type;  // count, sum, max, cardinality
  std::string_view field = {};
  std::string_view label = {};
};

struct Bucket {
  std::string_view type;  // terms, date_histogram, range
  std::string_view field;
  std::string_view label;
  int size = 0;              // of terms: how many
  bool least_first = false;  // of terms: these are the many, not those with the most
};

enum class Look : uint8_t { kRows, kTable, kBars, kLines, kPie, kText };

struct Panel {
  std::string_view id;  // never changes: links and boards of others name it
  std::string_view title;
  std::string_view help;
  Look look;
  std::string_view query;                      // KQL; of kText the text
  std::vector<std::string_view> columns = {};  // of kRows; keys as records have them, no aliases
  std::vector<Metric> metrics = {};
  std::vector<Bucket> buckets = {};  // the outermost first
};

// A panel's place: from left to right, in rows that are 48 wide.
struct Place {
  std::string_view panel;
  int width;
  int height;
};

struct Dashboard {
  std::string_view id;
  std::string_view title;
  std::string_view help;
  std::vector<Place> places;
};

// In which a link's query is filled in.
inline constexpr std::string_view kAttributionId = "natledger-attribution";

const std::vector<Panel>& panels();
const Panel& panel(std::string_view id);
const std::vector<Dashboard>& dashboards();

}  // namespace natledger
