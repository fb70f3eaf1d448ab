// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/audit.h"

#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/progress.h"
#include "ship_cli/command.h"

namespace natledger {

std::function<int()> add_audit(CLI::App& app);

std::function<int()> add_audit(CLI::App& app) {
  struct Options {
    ConfigFile file;
    bool json = false;
  };
  const auto options = std::make_shared<Options>();
  options->file.add_to(app);
  app.add_flag("--json", options->json, "for programs");
  app.footer(
      "Exit status 1: records are missing or there more than once. `backfill` delivers what is "
      "missing.");
  return [options] {
    const Config config = options->file.load();
    const Output output = repeatable_output(config.outputs, config.ledger.state);
    Progress progress{"comparing the ledger with the server"};
    const AuditReport report =
        audit(config.ledger, output,
              elasticsearch_options(config.outputs.elasticsearch, config.ledger.state),
              [&](uint64_t done, uint64_t total) { progress.update(done, total); });
    fmt::print("{}", options->json ? audit_json(report) : audit_text(report));
    return report.is_whole() ? 0 : 1;
  };
}

}  // namespace natledger
