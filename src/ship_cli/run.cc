// SPDX-License-Identifier: GPL-2.0-or-later
#include <memory>

#include <CLI/CLI.hpp>

#include "base/error.h"
#include "base/log.h"
#include "ship/destinations.h"
#include "ship/outputs.h"
#include "ship/run_as.h"
#include "ship_cli/command.h"

namespace natledger {

std::function<int()> add_run(CLI::App& app);

namespace {

struct RunShipOptions {
  ConfigFile file;
  std::string user;
  pid_t child_of = 0;
};

// Secrets and the log are opened by who starts it; the user it becomes may be one who cannot.
int run(const RunShipOptions& options) {
  Config config = options.file.load();
  open_log(config.log);
  std::vector<Output> outputs = outputs_of(config.outputs, config.ledger.state);
  if (!options.user.empty()) run_as(options.user, config.ledger);
  if (options.child_of != 0 && !end_with(options.child_of)) return 0;
  while (ship(config.ledger, outputs)) {
    try {
      Config changed = options.file.load();
      outputs = outputs_of(changed.outputs, changed.ledger.state);
      config = std::move(changed);
    } catch (const ConfigError& error) {
      log_error("reload: " + std::string{error.what()} + "; everything stays as it was");
    }
  }
  return 0;
}

}  // namespace

std::function<int()> add_run(CLI::App& app) {
  const auto options = std::make_shared<RunShipOptions>();
  options->file.add_to(app);
  app.add_option("--user", options->user, "become this user, if there is one and root starts it");
  app.add_option("--child-of", options->child_of, "end when this process, its parent, does");
  return [options] { return run(*options); };
}

}  // namespace natledger
