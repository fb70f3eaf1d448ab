// SPDX-License-Identifier: GPL-2.0-or-later
#include "ledger/export.h"

#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>

#include "base/progress.h"
#include "cli/options.h"

namespace natledger {

std::function<int()> add_export(CLI::App& app);

namespace {

struct ExportOptions {
  CommonOptions common;
  std::string target;
  std::string ledger;
  std::string from;
  std::string to;
};

int run_export(const ExportOptions& options) {
  const LedgerRange range = read_range(options.from, options.to);
  const Config config = options.common.load();
  Progress progress{"exporting the ledger"};
  const Exported made =
      export_ledger(ledger_directory(config, options.ledger), options.target, range,
                    [&progress](uint64_t bytes) { progress.show(bytes, 0); });
  if (made.segments == 0) {
    std::fprintf(stderr, "natledger: no segment has a line of that range\n");
    return 1;
  }
  std::printf(
      "%s: %llu segments, %llu bytes; numbers %llu to %llu\n", options.target.c_str(),
      static_cast<unsigned long long>(made.segments), static_cast<unsigned long long>(made.bytes),
      static_cast<unsigned long long>(made.first), static_cast<unsigned long long>(made.last));
  return 0;
}

}  // namespace

std::function<int()> add_export(CLI::App& app) {
  const auto options = std::make_shared<ExportOptions>();
  options->common.add_to(app);
  app.add_option("DIR", options->target, "where to: a directory that is not there yet, or empty")
      ->required();
  app.add_option("--from", options->from, "a sequence, or a time: 2014-02-22T12:27:04Z");
  app.add_option("--to", options->to, "the same");
  app.add_option("--ledger", options->ledger, "the ledger to copy (default: ledger.directory)");
  app.footer(
      "Copies the segments that may have lines of that range, whole, while the agent may be "
      "writing. A flow that goes on beyond has its end in a later segment.");
  return [options] { return run_export(*options); };
}

}  // namespace natledger
