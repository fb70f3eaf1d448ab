// SPDX-License-Identifier: GPL-2.0-or-later
#include <unistd.h>

#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/options.h"

namespace natledger {

std::function<int()> add_config(CLI::App& app);

namespace {

// Builds every part that can be built without touching the system, and starts none.
int check_config(const CommonOptions& common) {
  const Config config = load_config(common.config_file);
  make_enrichers(config);
  const bool from_file = common.config_file || ::access(kDefaultConfigFile, F_OK) == 0;
  fmt::print("{}: good\n", from_file ? common.config_file.value_or(kDefaultConfigFile)
                                     : std::string{"no configuration file; the defaults"});
  return 0;
}

// The configuration in force, defaults included, as a file that gives the same.
int print_config(const CommonOptions& common) {
  for (const OptionRow& row : option_rows(load_config(common.config_file))) {
    fmt::print("{}: {}\n", row.key, row.value);
  }
  return 0;
}

int print_reference() {
  for (const OptionRow& row : option_rows(Config{})) {
    const char* change =
        row.change == Change::kReload ? "A reload (SIGHUP) changes it" : "Read at start alone";
    fmt::print("# {}.\n# {}. {}.\n{}: {}\n\n", row.help, row.allowed, change, row.key, row.value);
  }
  return 0;
}

}  // namespace

std::function<int()> add_config(CLI::App& app) {
  struct Options {
    CommonOptions common;
    std::string what;
  };
  const auto options = std::make_shared<Options>();
  options->common.add_to(app);
  app.add_option("WHAT", options->what,
                 "check: is it right? print: what is in force; reference: every option explained")
      ->check(CLI::IsMember({"check", "print", "reference"}))
      ->required();
  return [options] {
    if (options->what == "check") return check_config(options->common);
    if (options->what == "print") return print_config(options->common);
    return print_reference();
  };
}

}  // namespace natledger
