// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/hosts.h"

#include <algorithm>

namespace natledger {

namespace {

// So many failures in a row, and the others are asked before it for a while, which doubles.
constexpr unsigned kFailuresToRest = 5;
constexpr Duration kFirstRest = std::chrono::seconds{1};
constexpr Duration kLongestRest = std::chrono::minutes{5};

Duration rest_after(unsigned failures) {
  const unsigned doublings = std::min(failures - kFailuresToRest, 20U);
  return std::min(kFirstRest * (int64_t{1} << doublings), kLongestRest);
}

}  // namespace

Hosts::Hosts(const std::vector<std::string>& urls, const HttpOptions& options) {
  for (const std::string& url : urls) hosts_.push_back({HttpClient{url, options}, 0, {}});
}

HttpClient& Hosts::choose(TimePoint at) {
  for (size_t i = 0; i < hosts_.size(); ++i) {
    const size_t candidate = (current_ + i) % hosts_.size();
    if (at < hosts_[candidate].closed_until) continue;
    current_ = candidate;
    return hosts_[current_].client;
  }
  const auto soonest = std::ranges::min_element(hosts_, {}, &Host::closed_until);
  current_ = static_cast<size_t>(soonest - hosts_.begin());
  return soonest->client;
}

void Hosts::succeeded() {
  hosts_[current_].failures = 0;
  hosts_[current_].closed_until = {};
}

void Hosts::failed(TimePoint at) {
  Host& host = hosts_[current_];
  if (++host.failures >= kFailuresToRest) host.closed_until = at + rest_after(host.failures);
  current_ = (current_ + 1) % hosts_.size();
}

HttpAnswer Hosts::ask(const HttpRequest& request) {
  HttpAnswer answer;
  for (size_t i = 0; i < hosts_.size(); ++i) {
    if (i != 0) current_ = (current_ + 1) % hosts_.size();
    answer = hosts_[current_].client.send(request);
    if (answer.failure.empty() && answer.status < 500) break;
  }
  return answer;
}

}  // namespace natledger
