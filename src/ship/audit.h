// SPDX-License-Identifier: GPL-2.0-or-later
// Compares a ledger with what Elasticsearch or OpenSearch has of it, number by number.
#pragma once

#include <cstdint>
#include <string>

#include "ledger/ledger.h"
#include "ship/destinations.h"
#include "ship/elasticsearch.h"
#include "ship/number_runs.h"
#include "ship/resend.h"

namespace natledger {

struct AuditReport {
  uint64_t first = 0, last = 0;  // numbers of the lines that were compared; 0: none
  uint64_t records = 0;          // that the destination is to have
  uint64_t once = 0;             // of these
  uint64_t dead = 0;             // of these, refused for good
  NumberRanges missing;          // in neither
  NumberRanges doubled;          // more than once

  bool is_whole() const { return missing.empty() && doubled.empty(); }
};

// Of the lines up to the cursor. Throws SystemError when the ledger or the server cannot be read.
AuditReport audit(const LedgerOptions& ledger, const Output& output,
                  const ElasticsearchOptions& server, const ShowProgress& progress);

std::string audit_text(const AuditReport& report);
std::string audit_json(const AuditReport& report);

}  // namespace natledger
