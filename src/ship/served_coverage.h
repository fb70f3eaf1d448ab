// SPDX-License-Identifier: GPL-2.0-or-later
// What a server's records say of what a ledger covers, in the form in which the index of a segment
// says it: the lines that tell of coverage, the first line behind each number that is missing, and
// of the lines between them what counts.
//
// The server counts; it sends lines for as many days as coverage was told of, but not the flows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ledger/index_format.h"
#include "ship/record_search.h"

namespace natledger {

struct ServedCoverage {
  uint64_t first = 0;  // number of the first line; 0: there is none
  std::vector<KeptLine> kept;
  PassedLines rest;                  // behind the last of these
  std::vector<NumberCount> indices;  // as they were when it began
};

// `ledger`: a query that its records fit, and no others. Throws SystemError.
ServedCoverage read_coverage(RecordSearch& search, const std::string& ledger);

}  // namespace natledger
