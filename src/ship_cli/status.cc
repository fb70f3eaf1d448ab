// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/status.h"

#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "ship_cli/command.h"

namespace natledger {

std::function<int()> add_status(CLI::App& app);

std::function<int()> add_status(CLI::App& app) {
  struct Options {
    ConfigFile file;
    bool json = false;
  };
  const auto options = std::make_shared<Options>();
  options->file.add_to(app);
  app.add_flag("--json", options->json, "for programs");
  return [options] {
    const ShipStatus status = watch_ship_status(options->file.load().ledger);
    fmt::print("{}", options->json ? status_json(status) : status_text(status));
    return 0;
  };
}

}  // namespace natledger
