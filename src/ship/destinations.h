// SPDX-License-Identifier: GPL-2.0-or-later
// The destinations that a configuration names, ready to be shipped to.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "ship/output_options.h"
#include "ship/shipper.h"

namespace natledger {

struct Output {
  ShipperOptions options;
  // An attempt that is under way at `stop` is left soon, with nothing said of its records.
  std::function<std::unique_ptr<Destination>(const Past& past, std::stop_token stop)> make;
  // One for records that may have been delivered before, at any time, or be on their way until the
  // given one; none where the destination could not tell.
  std::function<std::unique_ptr<Destination>(TimePoint under_way_until)> make_for_repeats;
  Duration longest_request{};
};

// `state`: of the ledger. What is wrong in one shows before any is made. Throws ConfigError, also
// when there is none.
std::vector<Output> outputs_of(const Outputs& configured, const std::string& state);
// The one that takes records a second time without doubling them. Throws ConfigError when the
// configuration has none.
Output repeatable_output(const Outputs& configured, const std::string& state);

}  // namespace natledger
