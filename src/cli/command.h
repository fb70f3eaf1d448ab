// SPDX-License-Identifier: GPL-2.0-or-later
// The table of subcommands; each is a file of this folder.
#pragma once

#include <functional>
#include <span>
#include <string_view>

namespace CLI {
class App;
}

namespace natledger {

struct Command {
  std::string_view name;
  std::string_view help;
  // Gives `app` its options and returns what runs once they are read. That returns the exit status,
  // or throws ConfigError (status 2) or SystemError (status 1, of `who` 6).
  std::function<int()> (*add)(CLI::App& app);
};

std::span<const Command> commands();

// Reads the command line and runs what it asks for.
int run_command_line(int argc, char** argv);

}  // namespace natledger
