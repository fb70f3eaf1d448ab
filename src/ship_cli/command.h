// SPDX-License-Identifier: GPL-2.0-or-later
// The subcommands of natledger-ship: a file each, a row each in natledger_ship.cc.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "agent/config.h"

namespace CLI {
class App;
}

namespace natledger {

// `add` gives a subcommand its options, and returns what runs it: to its exit status.
struct ShipCommand {
  std::string_view name;
  std::string_view help;
  std::function<int()> (*add)(CLI::App& app);
};

// --config, which every subcommand has.
struct ConfigFile {
  std::optional<std::string> path;

  void add_to(CLI::App& app);
  // Throws ConfigError.
  Config load() const { return load_config(path); }
};

}  // namespace natledger
