// SPDX-License-Identifier: GPL-2.0-or-later
// natledger-ship: takes the records of a ledger to where people search. Needs no capability, and
// costs no event when it is killed: it is a cursor over the ledger.
#include <cstdio>
#include <exception>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "agent/version.h"
#include "base/error.h"
#include "ship_cli/command.h"

namespace natledger {

std::function<int()> add_run(CLI::App& app);
std::function<int()> add_status(CLI::App& app);
std::function<int()> add_setup(CLI::App& app);
std::function<int()> add_audit(CLI::App& app);
std::function<int()> add_backfill(CLI::App& app);
std::function<int()> add_retry(CLI::App& app);
std::function<int()> add_who(CLI::App& app);

namespace {

constexpr ShipCommand kCommands[] = {
    {"run", "ship until it is told to stop", add_run},
    {"status", "how far each destination has come", add_status},
    {"setup", "tell a server what is to come", add_setup},
    {"audit", "compare the ledger with what the server has, number by number", add_audit},
    {"backfill", "deliver a range of records again", add_backfill},
    {"retry-dead-letters", "deliver what was refused for good once more", add_retry},
    {"who", "natledger who, of the records that a server has", add_who},
};

int run_command_line(int argc, char** argv) {
  CLI::App app{"takes the records of a natledger ledger to their destinations", "natledger-ship"};
  app.set_version_flag("--version", NATLEDGER_VERSION);
  app.require_subcommand(1);
  std::function<int()> chosen;
  for (const ShipCommand& command : kCommands) {
    CLI::App* const sub = app.add_subcommand(std::string{command.name}, std::string{command.help});
    sub->callback([&chosen, run = command.add(*sub)] { chosen = run; });
  }
  try {
    app.parse(argc, argv);
    return chosen();
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const ConfigError& error) {
    fmt::print(stderr, "natledger-ship: {}\n", error.what());
    return 2;
  }
}

}  // namespace

void ConfigFile::add_to(CLI::App& app) {
  app.add_option(
      "--config", path,
      std::string{"configuration file (default: "} + kDefaultConfigFile + " if it is there)");
}

}  // namespace natledger

int main(int argc, char** argv) {
  try {
    return natledger::run_command_line(argc, argv);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "natledger-ship: %s\n", failure.what());
    return 1;
  }
}
