// SPDX-License-Identifier: GPL-2.0-or-later
// `natledger ship` and `natledger setup` are natledger-ship's: this program knows no network.
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/become_ship.h"

namespace natledger {

std::function<int()> add_ship(CLI::App& app);
std::function<int()> add_setup(CLI::App& app);

namespace {

// Takes all words that follow, also those that look like options.
std::function<int()> pass_on(CLI::App& app, std::vector<std::string> before) {
  app.prefix_command();
  app.set_help_flag();
  return [&app, before = std::move(before)] {
    std::vector<std::string> words = before;
    const std::vector<std::string> given = app.remaining();
    words.insert(words.end(), given.begin(), given.end());
    // Without more words, ship.
    if (words.empty()) words.emplace_back("run");
    return become_ship(std::move(words));
  };
}

}  // namespace

std::function<int()> add_ship(CLI::App& app) { return pass_on(app, {}); }
std::function<int()> add_setup(CLI::App& app) { return pass_on(app, {"setup"}); }

}  // namespace natledger
