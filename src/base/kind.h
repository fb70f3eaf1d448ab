// SPDX-License-Identifier: GPL-2.0-or-later
// A row of a table of parts: how one kind of enricher or destination is named and made.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "base/config_tree.h"

namespace natledger {

template <class Part>
struct Kind {
  std::string_view name;
  std::string_view help;
  // `options` is null when the configuration gives none. Throws ConfigError or SystemError.
  std::unique_ptr<Part> (*make)(const ConfigNode* options);
  // The keys it adds; each has a row in the field table.
  std::span<const std::string_view> adds;
};

}  // namespace natledger
