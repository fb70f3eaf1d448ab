// SPDX-License-Identifier: GPL-2.0-or-later
// What a question needs of the records that a server has. The server selects: what is sent is the
// flows that may answer, and what tells of coverage.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ledger/block_items.h"
#include "ship/record_search.h"
#include "ship/served_coverage.h"

namespace natledger {

// Each member throws SystemError where the server does not answer, or not wholly.
class ServerRecords {
 public:
  // Throws ConfigError or SystemError.
  explicit ServerRecords(const ElasticsearchOptions& options) : search_(options) {}

  // Throws SystemError where records are mapped or spelled so that a search would pass them over.
  void check_keys();

  // Ids of the ledgers that told of what they cover; of an observer of that name only, unless it is
  // empty.
  std::vector<std::string> ledgers(const std::string& observer);
  // Of those that ever had a flow behind the address.
  std::vector<std::string> ledgers_behind(const IpAddress& address);
  // Whether every record there is of this ledger.
  bool has_only(const std::string& ledger);
  ServedCoverage coverage(const std::string& ledger);
  // Whether what had been counted there is still there.
  bool still_has(const std::string& ledger, const std::vector<NumberCount>& indices);

  // What there is of the flows that may have been behind the address between the two instants, by
  // number: of those that ended, the end; of others, all of their records. Of every ledger.
  std::vector<ServedRecord> flows(const IndexQuestion& question);
  std::vector<ServedRecord> records(const std::vector<std::string>& ids);

  std::string name() const { return search_.name(); }

 private:
  std::string ledger_query(const std::string& ledger);
  std::vector<std::string> ledgers_in(const std::string& query);

  RecordSearch search_;
  std::optional<std::string> first_ledger_;  // in the order of ids; none: not asked for yet
  std::string last_ledger_;
};

}  // namespace natledger
