// SPDX-License-Identifier: GPL-2.0-or-later
// natledger-ship as a child of the agent: started where the configuration has a destination,
// started again when it ends, told of reloads, ended with the agent. No event depends on it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "agent/config.h"
#include "base/unique_fd.h"

namespace natledger {

// The natledger-ship beside the running program; where there is none, the one that the PATH finds.
std::string ship_program();

class ShipProcess {
 public:
  // Starts it where `config` asks for it. `config_file`: what it is to read; none: the default's.
  // Throws SystemError.
  ShipProcess(const Config& config, const std::optional<std::string>& config_file);
  ~ShipProcess();

  // Behind a reload, also one that changed nothing: it reads its configuration and opens its files
  // anew.
  void reload(const Config& config);

 private:
  using Clock = std::chrono::steady_clock;
  struct Orders {
    bool wanted = false;
    bool hang_up = false;
    bool stop = false;
    std::string user;
  };

  void order(const Config& config, bool hang_up);
  void run();
  Orders take_orders();
  void wait(bool wanted);
  void start(const std::string& user);
  void look_for_end();
  void end();

  const std::optional<std::string> config_file_;
  UniqueFd wakes_;  // an eventfd
  std::mutex mutex_;
  Orders orders_;

  // Of the thread alone.
  pid_t pid_ = 0;
  UniqueFd child_;  // of that process
  Clock::time_point started_;
  Clock::time_point start_at_;
  std::chrono::milliseconds pause_{};

  std::thread thread_;
};

}  // namespace natledger
