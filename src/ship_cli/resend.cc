// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/resend.h"

#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/progress.h"
#include "ship_cli/command.h"

namespace natledger {

std::function<int()> add_backfill(CLI::App& app);
std::function<int()> add_retry(CLI::App& app);

namespace {

int report(const Resent& resent) {
  fmt::print("{} delivered, {} were there, {} are dead letters\n", resent.delivered,
             resent.duplicate, resent.refused);
  return resent.refused == 0 ? 0 : 1;
}

}  // namespace

std::function<int()> add_backfill(CLI::App& app) {
  struct Options {
    ConfigFile file;
    std::string from, to;
  };
  const auto options = std::make_shared<Options>();
  options->file.add_to(app);
  app.add_option("--from", options->from, "a sequence, or a time: 2014-02-22T12:27:04Z")
      ->required();
  app.add_option("--to", options->to, "the same; none: up to what is shipped");
  app.footer(
      "Delivers records again that the destination may have lost; what it has is not doubled, and "
      "dead letters are left. Exit status 1: some are dead letters.");
  return [options] {
    const Config config = options->file.load();
    const LedgerRange range = read_range(options->from, options->to);
    Progress progress{"delivering records again"};
    return report(backfill(config.ledger, repeatable_output(config.outputs, config.ledger.state),
                           range,
                           [&](uint64_t done, uint64_t total) { progress.update(done, total); }));
  };
}

std::function<int()> add_retry(CLI::App& app) {
  const auto file = std::make_shared<ConfigFile>();
  file->add_to(app);
  app.footer("Exit status 1: some are refused again, and are dead letters as before.");
  return [file] {
    const Config config = file->load();
    Progress progress{"trying dead letters again"};
    return report(
        retry_dead_letters(config.ledger, repeatable_output(config.outputs, config.ledger.state),
                           [&](uint64_t done, uint64_t total) { progress.update(done, total); }));
  };
}

}  // namespace natledger
