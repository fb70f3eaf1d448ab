// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <iterator>
#include <memory>

#include <CLI/CLI.hpp>

#include "base/error.h"
#include "base/log.h"
#include "base/user.h"
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

// They are read again on a reload, certificates with each connection.
void warn_of_unreadable(const RunShipOptions& options, const Config& config) {
  std::vector<std::string> files{options.file.path.value_or(kDefaultConfigFile)};
  if (config.outputs.elasticsearch.enabled) {
    std::ranges::move(files_of(config.outputs.elasticsearch), std::back_inserter(files));
  }
  for (const std::string& file : unreadable(files)) {
    log_warning(user_name() + " may not read " + file +
                ", which natledger-ship has to read again, on a reload or for a connection (let "
                "that user, or a group of its, read it, or see ship.user)");
  }
}

// Secrets and the log are opened by who starts it; the user it becomes may be one who cannot.
int run(const RunShipOptions& options) {
  Config config = options.file.load();
  open_log(config.log);
  std::vector<Output> outputs = outputs_of(config.outputs, config.ledger.state);
  if (!options.user.empty()) {
    run_as(options.user, config.ledger);
    warn_of_unreadable(options, config);
  }
  if (options.child_of != 0 && !end_with(options.child_of)) return 0;
  while (ship(config.ledger, outputs)) {
    try {
      Config changed = options.file.load();
      outputs = outputs_of(changed.outputs, changed.ledger.state);
      config = std::move(changed);
    } catch (const ConfigError& error) {
      log_error("reload as " + user_name() + ": " + error.what() + "; everything stays as it was");
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
