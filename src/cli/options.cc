// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/options.h"

#include <unistd.h>

#include <CLI/CLI.hpp>

#include "agent/label_names.h"
#include "base/error.h"

namespace natledger {

void CommonOptions::add_to(CLI::App& app) {
  app.add_option(
      "--config", config_file,
      std::string{"configuration file (default: "} + kDefaultConfigFile + " if it is there)");
  app.add_flag("--verbose", verbose, "log more, to standard error");
}

Config CommonOptions::load() const {
  Config config = load_config(config_file);
  config.log.to = "stderr";
  config = with_verbose(config);
  open_log(config.log);
  return config;
}

Config CommonOptions::load_for_agent() const {
  Config config = with_verbose(load_config(config_file));
  open_log(config.log);
  return config;
}

std::function<Config()> CommonOptions::rereader() const {
  std::optional<std::string> file = config_file;
  if (!file && ::access(kDefaultConfigFile, F_OK) == 0) file = kDefaultConfigFile;
  return [common = *this, file] { return common.with_verbose(load_config(file)); };
}

Config CommonOptions::with_verbose(Config config) const {
  if (verbose) config.log = {"debug", "stderr"};
  return config;
}

void RecordOptions::add_to(CLI::App& app) {
  app.add_option("--record", record,
                 "full: ulogd2's keys and ours; ulogd: ulogd2's JSON line; text: its LOGEMU line")
      ->check(CLI::IsMember({"full", "ulogd", "text"}))
      ->capture_default_str();
  app.add_flag("--eventv1", eventv1, "with --record ulogd: ulogd2's eventv1=1");
  app.add_option("--timestamp", timestamp, "with --record ulogd: ulogd2's timestamp option")
      ->capture_default_str();
  app.add_option("--device", device, "with --record ulogd: ulogd2's device option")
      ->capture_default_str();
}

Record RecordOptions::kind() const {
  if (record == "ulogd") return Record::kUlogd;
  return record == "text" ? Record::kText : Record::kFull;
}

EncoderOptions RecordOptions::encoding(const Config& config, const std::string& id_prefix) const {
  const RecordOptions defaults;
  const bool ulogd_options =
      eventv1 || timestamp != defaults.timestamp || device != defaults.device;
  if (ulogd_options && kind() != Record::kUlogd) {
    throw ConfigError("--eventv1, --timestamp and --device go with --record ulogd");
  }
  EncoderOptions encoding;
  encoding.id_prefix = id_prefix;
  encoding.observer = observer_name(config);
  encoding.host = observer_name(config);
  encoding.tags = config.tags;
  encoding.device = device;
  encoding.timestamp = timestamp;
  encoding.eventv1 = eventv1;
  encoding.label_names = read_label_names();
  return encoding;
}

std::string ledger_directory(const Config& config, const std::string& given) {
  return given.empty() ? config.ledger.directory : given;
}

}  // namespace natledger
