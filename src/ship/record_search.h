// SPDX-License-Identifier: GPL-2.0-or-later
// Searches among the records of a server, in words that Elasticsearch 7.17 to 9 and OpenSearch 1 to
// 3 all know. An answer that is not of every shard is none.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ship/elasticsearch.h"
#include "ship/hosts.h"
#include "ship/http.h"
#include "ship/number_runs.h"

namespace natledger {

// A record as a line of a ledger spells it, whatever the server made of it.
struct ServedRecord {
  uint64_t sequence = 0;
  std::string id;
  std::string line;

  // The part of the id that all records of a ledger share.
  std::string_view ledger() const { return std::string_view{id}.substr(0, id.find('-')); }
};

// Queries are JSON objects. Each member throws SystemError where the server does not answer.
class RecordSearch {
 public:
  // Throws ConfigError or SystemError.
  explicit RecordSearch(const ElasticsearchOptions& options);

  // Each that fits, by number; no more once `visit` says false.
  void visit(const std::string& query, const std::function<bool(const ServedRecord&)>& visit);
  // The last one that fits, by number.
  std::optional<ServedRecord> last(const std::string& query);
  // In the order of ids, the first that fits, behind `after` unless that is empty; the last.
  std::optional<ServedRecord> first_id(const std::string& query, const std::string& after);
  std::optional<ServedRecord> last_id(const std::string& query);
  // The values of a key without the records.
  void visit_values(const std::string& query, const std::string& key,
                    const std::function<void(const std::string&)>& visit);
  std::vector<uint64_t> numbers(const std::string& query);
  uint64_t count(const std::string& query);
  // What each index has of the numbers; with `runs`, what is in each of these, whatever the index.
  std::vector<NumberCount> count_numbers(const std::string& query, const NumberRanges& runs = {});
  // The type of each key in every index, as "key type".
  std::vector<std::string> types(const std::vector<std::string>& keys);

  // The server and what it is asked for, without secrets.
  std::string name() const;

 private:
  std::string ask(const std::string& path, const std::string& body);
  std::string search(const std::string& body);
  std::optional<ServedRecord> first(const std::string& query, std::string_view sort,
                                    const std::string& after);

  std::string data_stream_;
  std::string preference_;
  Hosts hosts_;
};

}  // namespace natledger
