// SPDX-License-Identifier: GPL-2.0-or-later
#include <malloc.h>

#include <memory>

#include <CLI/CLI.hpp>

#include "agent/agent.h"
#include "cli/earlier_flows.h"
#include "cli/options.h"
#include "lookup/line_facts.h"

namespace natledger {

std::function<int()> add_run(CLI::App& app);

namespace {

// The buffers of a dump and of an index go back to the system when they are freed. glibc would else
// raise its limit with each that it meets, and keep 100 MB of them behind a table of a million.
void give_back_large_buffers() {
  constexpr int kLarge = 128 * 1024;
  ::mallopt(M_MMAP_THRESHOLD, kLarge);
}

}  // namespace

std::function<int()> add_run(CLI::App& app) {
  struct Options {
    CommonOptions common;
    RunOptions run;
  };
  const auto options = std::make_shared<Options>();
  options->common.add_to(app);
  options->run.read_facts = read_line_facts;
  options->run.read_earlier = read_earlier_flows;
  app.add_flag("--set-sysctls", options->run.set_sysctls,
               "turn accounting, timestamps and events on where they are off");
  return [options] {
    give_back_large_buffers();
    const Config config = options->common.load_for_agent();
    options->run.reread = options->common.rereader();
    options->run.config_file = options->common.config_file;
    return run_agent(config, options->run);
  };
}

}  // namespace natledger
