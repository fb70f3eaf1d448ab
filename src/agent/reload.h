// SPDX-License-Identifier: GPL-2.0-or-later
// Takes a new configuration into an agent that runs. All of it or nothing: what can fail is done
// before anything is changed, and what cannot change at run time is refused by its name.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "agent/config.h"
#include "agent/housekeeping.h"
#include "agent/orders.h"
#include "kernel/event_socket.h"

namespace natledger {

// An option whose value is another.
struct OptionChange {
  std::string key;
  std::string from;
  std::string to;
  Change change;
};
std::vector<OptionChange> changes_between(const Config& present, const Config& wanted);

// Throws ConfigError when one of them needs a restart.
void refuse_fixed(const std::vector<OptionChange>& changes);

// What a reload reaches; all of it outlives the reload.
struct ReloadParts {
  std::function<Config()> read;  // the new configuration; throws ConfigError
  std::function<StartFacts()> check_kernel;
  EventSocket& socket;
  Orders& orders;
  Housekeeping& housekeeping;
  IdPrefixes ids;  // of records
  // Behind each, also one that was refused, with the configuration that is in force.
  std::function<void(const Config&)> after;
};

class Reload {
 public:
  Reload(ReloadParts parts, Config present);

  // Logs what has changed, or why nothing has.
  void run();

 private:
  std::vector<OptionChange> take_over(const Config& wanted);

  const ReloadParts parts_;
  Config present_;
};

}  // namespace natledger
