// SPDX-License-Identifier: GPL-2.0-or-later
// Days of a gateway's traffic, made up.
#pragma once

#include <cstdint>
#include <string>

namespace natledger {

struct TrafficPlan {
  std::string directory;  // with its state in <directory>/state
  uint64_t lines;         // about so many
  int segments;
  uint64_t seed;
};

void make_traffic(const TrafficPlan& plan);

}  // namespace natledger
