// SPDX-License-Identifier: GPL-2.0-or-later
// The agent: the parts, wired, run, stopped.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/config.h"
#include "flow/live_flows.h"
#include "kernel/start_facts.h"
#include "ledger/index_line.h"

namespace natledger {

struct RunOptions {
  bool set_sysctls = false;
  std::function<Config()> reread;          // the configuration, for a reload; throws ConfigError
  std::optional<std::string> config_file;  // for natledger-ship; none: the default
  // Reading records back is no part of the agent: for the index, and for the flows that the run
  // before left open (see cli/earlier_flows.h).
  ReadFacts read_facts;
  std::function<void(const std::string& directory, std::vector<std::string>& id_prefixes,
                     const LiveFlows::FlowVisit&)>
      read_earlier;
};

// Records until SIGTERM or SIGINT. Returns the exit status: 0 after a clean stop. Throws
// ConfigError and SystemError when it cannot begin.
int run_agent(const Config& config, const RunOptions& options);

// Reads what a run needs of the kernel, with --set-sysctls mends what can be, logs what is not as
// it should be. Throws SystemError when a run cannot begin.
StartFacts check_kernel(bool set_sysctls_too);

// Logs when the kernel gave `socket` less than source.receive_buffer.
void warn_of_receive_buffer(const Config& config, const EventSocket& socket);

}  // namespace natledger
