// SPDX-License-Identifier: GPL-2.0-or-later
// The configuration of the agent: structs of defaults, and their rows.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/config_tree.h"
#include "base/log.h"
#include "base/option.h"
#include "encode/encoder.h"
#include "enrich/enricher.h"
#include "kernel/event_socket.h"
#include "ledger/ledger.h"
#include "ship/output_options.h"

namespace natledger {

inline constexpr const char* kDefaultConfigFile = "/etc/natledger/natledger.yaml";

struct SourceOptions {
  std::string mode = "event";
  uint32_t events = kNewEvents | kDestroyEvents;
  uint64_t receive_buffer = 64 << 20;
  uint64_t ring = 256 << 20;
  uint64_t max_flows = 2'000'000;
  Duration reconcile = std::chrono::hours{1};
  Duration heartbeat = std::chrono::minutes{1};  // zero: none
};

struct ObserverOptions {
  std::string name;  // empty: the host's
};

struct EnricherChoice {
  std::string name;
  std::optional<ConfigNode> options;
};

struct Config {
  SourceOptions source;
  LedgerOptions ledger;
  ObserverOptions observer;
  LogOptions log;
  std::vector<std::string> tags;
  std::vector<EnricherChoice> enrich{{"duration", {}}, {"nat", {}}};
  Outputs outputs;
};

// The configuration of a file; of nothing, the file at kDefaultConfigFile if there is one, else the
// defaults. Throws ConfigError.
Config load_config(const std::optional<std::string>& file);
Config parse_config(const ConfigNode& root);

// One row of `config reference` and `config print`.
struct OptionRow {
  std::string key;  // dotted
  std::string help;
  std::string allowed;
  std::string value;
  Change change;
};
std::vector<OptionRow> option_rows(const Config& config);

// Makes the enrichers, in the order given. Throws ConfigError.
std::vector<std::unique_ptr<Enricher>> make_enrichers(const Config& config);

// Makes the encoder of the agent's records. Their ids begin with `id_prefix`.
struct IdPrefixes {
  std::string own;                   // EncoderOptions::id_prefix
  std::vector<std::string> earlier;  // EncoderOptions::earlier_id_prefixes
};
std::unique_ptr<Encoder> make_record_encoder(const Config& config, const IdPrefixes& ids);

// The name that records carry: observer.name, or the host's.
std::string observer_name(const Config& config);

// "new", "update", "destroy" of ulogd2's event_mask bits.
std::vector<std::string> event_names(uint32_t events);
// The bits of "new,update,destroy" or "0x5". Throws ConfigError.
uint32_t parse_events(const std::string& text);

}  // namespace natledger
