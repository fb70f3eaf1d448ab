// SPDX-License-Identifier: GPL-2.0-or-later
// output.elasticsearch: records into a data stream of Elasticsearch 7.17, 8, 9 or OpenSearch 1
// to 3.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "ship/destination.h"
#include "ship/http.h"
#include "ship/past.h"

namespace natledger {

struct ElasticsearchOptions {
  std::vector<std::string> hosts;
  std::string data_stream = "logs-conntrack.nat-default";
  uint64_t compression_level = 1;  // of gzip; 0: plain
  bool dedup = true;               // may read and delete where a rollover may have doubled a record
  // Set: any record may be there, from any time, and a request be under way until then.
  std::optional<TimePoint> sent_before;
  HttpOptions http = {};
};

// It remembers the backing index that took the last record of which everything is certain. Throws
// ConfigError or SystemError.
std::unique_ptr<Destination> make_elasticsearch(const ElasticsearchOptions& options,
                                                const Past& past);

}  // namespace natledger
