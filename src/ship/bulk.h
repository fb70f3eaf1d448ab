// SPDX-License-Identifier: GPL-2.0-or-later
// Elasticsearch's and OpenSearch's _bulk: the body, and what an answer to it means.
//
// Both are pure. The table of judgements follows what Elasticsearch 7.17, 8.19, 9.5 and OpenSearch
// 2.19, 3.8 answered when they were asked; tests/unit/bulk_test.cc has a row for each.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ship/destination.h"
#include "ship/http.h"

namespace natledger {

// Of each item only what is judged, and `status` in every one, so that items keep their places.
inline constexpr std::string_view kBulkFilter =
    "filter_path=errors,items.*._index,items.*.status,items.*.failure_store,items.*.error.type,"
    "items.*.error.reason";

// The action and the document. The event.id of `line` becomes the document's id: what is sent twice
// is there once. False when it has none.
[[nodiscard]] bool append_bulk(std::string& body, std::string_view line);

struct BulkAnswer {
  Attempt attempt;
  // The backing index of each record: a place in `index_names`. Both are empty where the answer
  // says nothing of records.
  std::vector<uint32_t> indexes;
  std::vector<std::string> index_names;
  // The server did not say what became of the records: they may be there.
  bool ambiguous = false;
  // A parameter of the query that the server does not know.
  std::string unknown_parameter;
};

// Of `sent` records. `server` is how messages call it.
BulkAnswer judge_bulk(const HttpAnswer& answer, size_t sent, const std::string& server);

}  // namespace natledger
