// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/command.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <iostream>
#include <new>
#include <string>

#include <CLI/CLI.hpp>

#include "agent/version.h"
#include "base/error.h"
#include "base/log.h"

namespace natledger {

std::function<int()> add_run(CLI::App& app);
std::function<int()> add_replay(CLI::App& app);
std::function<int()> add_record(CLI::App& app);
std::function<int()> add_table(CLI::App& app);
std::function<int()> add_cat(CLI::App& app);
std::function<int()> add_export(CLI::App& app);
std::function<int()> add_verify(CLI::App& app);
std::function<int()> add_who(CLI::App& app);
std::function<int()> add_fields(CLI::App& app);
std::function<int()> add_config(CLI::App& app);
std::function<int()> add_ship(CLI::App& app);
std::function<int()> add_setup(CLI::App& app);

namespace {

constexpr int kRefusedByUs = 2;

constexpr std::array kCommands{
    Command{"run", "the agent: record events until SIGTERM", add_run},
    Command{"replay", "make records of captured messages", add_replay},
    Command{"record", "capture the kernel's messages into a file", add_record},
    Command{"table", "the kernel's table now", add_table},
    Command{"cat", "print the records of a ledger", add_cat},
    Command{"export", "a copy of part of a ledger, while it is written", add_export},
    Command{"verify", "check every promise of a ledger", add_verify},
    Command{"who", "who, inside, was behind this address at that time?", add_who},
    Command{"ship", "take records to where people search: natledger-ship", add_ship},
    Command{"setup", "tell a server what is to come: natledger-ship setup", add_setup},
    Command{"fields", "the keys that records have", add_fields},
    Command{"config", "check, print or explain the configuration", add_config},
};

// Output that did not arrive must not look like an answer.
void check_output() {
  std::cout.flush();
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0 && std::cout.good()) return;
  throw SystemError("write standard output", errno, "make room where it goes");
}

int run_checked(const std::function<int()>& run, std::string_view command) {
  const int refused_by_world = command == "who" ? 6 : 1;
  try {
    const int status = run();
    check_output();
    return status;
  } catch (const ConfigError& error) {
    std::fprintf(stderr, "natledger: %s\n", error.what());
    return kRefusedByUs;
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "natledger: there is not enough memory\n");
    return refused_by_world;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "natledger: %s\n", error.what());
    return refused_by_world;
  }
}

}  // namespace

std::span<const Command> commands() { return kCommands; }

int run_command_line(int argc, char** argv) {
  CLI::App app{"natledger: who, inside, was behind this public address at that time?"};
  app.set_version_flag("--version", std::string{"natledger "} + kVersion);
  app.require_subcommand(1);
  app.option_defaults()->always_capture_default();
  std::function<int()> chosen;
  std::string_view name;
  for (const Command& command : commands()) {
    CLI::App* sub = app.add_subcommand(std::string{command.name}, std::string{command.help});
    const std::function<int()> run = command.add(*sub);
    sub->callback([&chosen, &name, run, &command] {
      chosen = run;
      name = command.name;
    });
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int status = app.exit(error) == 0 ? 0 : kRefusedByUs;
    return run_checked([status] { return status; }, name);
  }
  return run_checked(chosen, name);
}

}  // namespace natledger
