// SPDX-License-Identifier: GPL-2.0-or-later
#include "lookup/verify.h"

#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>

#include "base/progress.h"
#include "cli/options.h"

namespace natledger {

std::function<int()> add_verify(CLI::App& app);

namespace {

struct VerifyOptions {
  CommonOptions common;
  std::string directory;
  bool json = false;
};

int run_verify(const VerifyOptions& options) {
  const Config config = options.common.load();
  const std::string directory = ledger_directory(config, options.directory);
  const std::string state = options.directory.empty() ? config.ledger.state : directory + "/state";
  Progress progress{"verifying the ledger"};
  const VerifyReport report =
      verify_ledger(directory, state, [&progress](uint64_t bytes) { progress.show(bytes, 0); });
  const std::string text = options.json ? verify_json(report) : verify_text(report, directory);
  std::fputs(text.c_str(), stdout);
  return report.whole() ? 0 : 1;
}

}  // namespace

std::function<int()> add_verify(CLI::App& app) {
  const auto options = std::make_shared<VerifyOptions>();
  options->common.add_to(app);
  app.add_option("DIR", options->directory,
                 "the ledger, with its state in DIR/state (default: those of the configuration)");
  app.add_flag("--json", options->json, "the report as JSON");
  app.footer("Exit status: 0 whole; 1 damaged, or not to be read; 2 usage.");
  return [options] { return run_verify(*options); };
}

}  // namespace natledger
