// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/status.h"

#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/error.h"
#include "base/quantity.h"
#include "ship_cli/command.h"

namespace natledger {

std::function<int()> add_status(CLI::App& app);

std::function<int()> add_status(CLI::App& app) {
  struct Options {
    ConfigFile file;
    bool json = false;
    std::string watch = "2s";
  };
  const auto options = std::make_shared<Options>();
  options->file.add_to(app);
  app.add_flag("--json", options->json, "for programs");
  app.add_option("--for", options->watch, "how long to watch how fast it goes; 0: not at all")
      ->capture_default_str();
  return [options] {
    const auto watch = parse_duration(options->watch);
    if (!watch) throw ConfigError("--for: \"" + options->watch + "\" is not a time such as 2s");
    const ShipStatus status = watch_ship_status(options->file.load().ledger, *watch);
    fmt::print("{}", options->json ? status_json(status) : status_text(status));
    return 0;
  };
}

}  // namespace natledger
