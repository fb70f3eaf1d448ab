// SPDX-License-Identifier: GPL-2.0-or-later
// Options that several subcommands have.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "agent/config.h"
#include "encode/encoder.h"

namespace CLI {
class App;
}

namespace natledger {

// --config and --verbose.
struct CommonOptions {
  std::optional<std::string> config_file;
  bool verbose = false;

  void add_to(CLI::App& app);
  // Reads the configuration and logs to standard error; `log.to` is the agent's file. Throws
  // ConfigError.
  Config load() const;
  // The same with the log that the configuration asks for. Throws SystemError too.
  Config load_for_agent() const;
  // Reads the file that load_for_agent() read again; that it is gone is an error then.
  std::function<Config()> rereader() const;

 private:
  Config with_verbose(Config config) const;
};

// --record, and for its ulogd form ulogd2's own options.
struct RecordOptions {
  std::string record = "full";
  bool eventv1 = false;
  bool timestamp = true;
  std::string device = "Netfilter";

  void add_to(CLI::App& app);
  Record kind() const;
  // The encoder's options for a stream whose ids begin with `id_prefix`. Throws ConfigError when
  // options are given that this form of record does not have.
  EncoderOptions encoding(const Config& config, const std::string& id_prefix) const;
};

// The ledger directory of the configuration, or the one given.
std::string ledger_directory(const Config& config, const std::string& given);

}  // namespace natledger
