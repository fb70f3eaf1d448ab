// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/number_runs.h"

#include <algorithm>

namespace natledger {

namespace {

constexpr uint64_t kListed = 10'000;  // so many numbers are listed rather than counted
constexpr uint64_t kParts = 200;      // that are counted in one request

class Finder {
 public:
  Finder(const NumberRanges& skipped, const NumberSource& source, unsigned most_requests)
      : skipped_(skipped), source_(source), requests_left_(most_requests) {}

  void look(const NumberCount& counted) {
    const uint64_t numbers = counted.last - counted.first + 1;
    if (counted.count == numbers) {
      found_.emplace_back(counted.first, counted.last);
      return;
    }
    if (requests_left_ == 0) return;
    --requests_left_;
    if (numbers <= kListed) return list(counted);
    for (const NumberCount& part : source_.count(counted.index, parts_of(counted))) look(part);
  }

  NumberRanges found() { return merged(std::move(found_)); }

 private:
  // A number that is there twice is of two ledgers with one id, such as a machine that was put back
  // to an earlier state has: nobody knows what it stands for.
  void list(const NumberCount& counted) {
    std::vector<uint64_t> numbers = source_.list(counted.index, counted.first, counted.last);
    std::ranges::sort(numbers);
    for (size_t i = 0; i < numbers.size(); ++i) {
      const bool twice = (i > 0 && numbers[i - 1] == numbers[i]) ||
                         (i + 1 < numbers.size() && numbers[i + 1] == numbers[i]);
      if (!twice) found_.emplace_back(numbers[i], numbers[i]);
    }
  }

  // Between what was skipped, where that is why numbers are missing; else all of one length.
  NumberRanges parts_of(const NumberCount& counted) const {
    NumberRanges parts;
    uint64_t from = counted.first;
    for (const auto& [first, last] : skipped_) {
      if (last < from || first > counted.last) continue;
      if (first > from) parts.emplace_back(from, first - 1);
      from = last + 1;
    }
    if (from <= counted.last) parts.emplace_back(from, counted.last);
    if (from != counted.first && parts.size() <= kParts) return parts;
    parts.clear();
    const uint64_t each = (counted.last - counted.first) / kParts + 1;
    for (from = counted.first; from <= counted.last; from += each) {
      parts.emplace_back(from, std::min(counted.last, from + each - 1));
    }
    return parts;
  }

  const NumberRanges& skipped_;
  const NumberSource& source_;
  unsigned requests_left_;
  NumberRanges found_;
};

}  // namespace

NumberRanges find_runs(const std::vector<NumberCount>& indices, const NumberRanges& skipped,
                       const NumberSource& source, unsigned most_requests) {
  Finder finder{skipped, source, most_requests};
  for (const NumberCount& index : indices) finder.look(index);
  return finder.found();
}

NumberRanges merged(NumberRanges ranges) {
  std::ranges::sort(ranges);
  NumberRanges runs;
  for (const auto& [first, last] : ranges) {
    if (!runs.empty() && first <= runs.back().second + 1) {
      runs.back().second = std::max(runs.back().second, last);
    } else {
      runs.emplace_back(first, last);
    }
  }
  return runs;
}

bool has_number(const NumberRanges& ordered, uint64_t number) {
  return number_before(ordered, number + 1) == number;
}

uint64_t number_before(const NumberRanges& ordered, uint64_t number) {
  const auto next = std::ranges::lower_bound(ordered, number, {}, &NumberRanges::value_type::first);
  if (next == ordered.begin()) return 0;
  return std::min(std::prev(next)->second, number - 1);
}

}  // namespace natledger
