// SPDX-License-Identifier: GPL-2.0-or-later
// Which numbers of a ledger a server has, found by counting rather than by listing them. Within one
// index a number is there once at most, since the id of a document holds it; so as many documents
// as numbers from the least to the greatest means that none is missing.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace natledger {

// Runs of numbers, ends included.
using NumberRanges = std::vector<std::pair<uint64_t, uint64_t>>;

// Of the documents that an index has in a run: the least and the greatest number, and how many.
struct NumberCount {
  std::string index;
  uint64_t first = 0;
  uint64_t last = 0;
  uint64_t count = 0;

  bool operator==(const NumberCount&) const = default;
};

// Asks the server. Of a run of which the index has nothing, nothing comes back.
struct NumberSource {
  std::function<std::vector<NumberCount>(const std::string& index, const NumberRanges& runs)> count;
  std::function<std::vector<uint64_t>(const std::string& index, uint64_t first, uint64_t last)>
      list;
};

// The numbers that there are, in order. `skipped`: numbers that no line has. What takes more than
// `most_requests` to find is left out, as if it were missing.
NumberRanges find_runs(const std::vector<NumberCount>& indices, const NumberRanges& skipped,
                       const NumberSource& source, unsigned most_requests);

// In order, those that touch made one.
NumberRanges merged(NumberRanges ranges);
bool has_number(const NumberRanges& ordered, uint64_t number);
// The greatest below `number`; 0: there is none.
uint64_t number_before(const NumberRanges& ordered, uint64_t number);

}  // namespace natledger
