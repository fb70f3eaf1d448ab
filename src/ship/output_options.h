// SPDX-License-Identifier: GPL-2.0-or-later
// The `output.*` sections of the configuration. The capturing program reads them too, to refuse
// what is wrong before anything is started; what they lead to is linked by natledger-ship alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/config_tree.h"
#include "base/option.h"
#include "ship/backoff.h"
#include "ship/elasticsearch.h"
#include "ship/file.h"

namespace natledger {

// Which records are for a destination; an empty list: whatever it is.
struct OnlyOptions {
  std::vector<std::string> actions;
  std::vector<std::string> nat;
};

struct DeadLetterOptions {
  uint64_t size = 1 << 30;
};

struct FileOutput {
  bool enabled = false;
  std::string path = "/var/log/ulogd_nfct.json";
  std::string record = "ulogd";
  bool sync = false;
  bool eventv1 = false;
  std::string device = "Netfilter";
  bool timestamp = true;
  std::vector<std::string> drop_fields;
  OnlyOptions only;
  DeadLetterOptions dead_letters;
};

struct ElasticsearchOutput {
  bool enabled = false;
  std::vector<std::string> hosts{"https://localhost:9200"};
  std::string username, password, password_file;
  std::string api_key, api_key_file;
  std::string bearer_token, bearer_token_file;
  std::string proxy_url;
  std::vector<std::string> headers;
  uint64_t compression_level = 1;
  uint64_t worker = 1;
  uint64_t bulk_max_size = 5000;
  uint64_t bulk_max_bytes = 5 << 20;
  Duration flush_interval = std::chrono::seconds{1};
  Duration timeout = std::chrono::seconds{90};
  std::string data_stream = "logs-conntrack.nat-default";
  bool dedup = true;
  TlsOptions ssl;
  std::vector<std::string> drop_fields;
  BackoffOptions backoff;
  OnlyOptions only;
  DeadLetterOptions dead_letters;
};

// How `natledger run` runs natledger-ship.
struct ShipOptions {
  bool start = true;
  std::string user = "natledger";
};

struct Outputs {
  ShipOptions ship;
  FileOutput file;
  ElasticsearchOutput elasticsearch;
};

// A text that is never printed. `${NAME}` in it is the environment's.
struct SecretRule {};
void read_value(const ConfigNode& node, const SecretRule& rule, std::string& value);
std::string value_text(const SecretRule& rule, const std::string& value);
std::string rule_text(const SecretRule& rule);

namespace output_rows {

inline constexpr std::string_view kRecords[] = {"ulogd", "full"};
inline constexpr std::string_view kActions[] = {"flow-start", "flow-update", "flow-end"};
inline constexpr std::string_view kNatKinds[] = {"none", "snat", "dnat", "both"};

// The rows of each section, for whoever reads and prints configurations.
const std::vector<Option<ShipOptions>>& ship();
const std::vector<Option<FileOutput>>& file();
const std::vector<Option<ElasticsearchOutput>>& elasticsearch();
const std::vector<Option<TlsOptions>>& ssl();
const std::vector<Option<BackoffOptions>>& backoff();
const std::vector<Option<OnlyOptions>>& only();
const std::vector<Option<DeadLetterOptions>>& dead_letters();

// Calls `visit(name, rows, section)` for each section, with its dotted name.
template <class SomeOutputs, class Visit>
void visit_sections(SomeOutputs& outputs, Visit visit) {
  auto& elastic = outputs.elasticsearch;
  visit("ship", ship(), outputs.ship);
  visit("output", std::vector<Option<Outputs>>{}, outputs);
  visit("output.file", file(), outputs.file);
  visit("output.file.only", only(), outputs.file.only);
  visit("output.file.dead_letters", dead_letters(), outputs.file.dead_letters);
  visit("output.elasticsearch", elasticsearch(), elastic);
  visit("output.elasticsearch.ssl", ssl(), elastic.ssl);
  visit("output.elasticsearch.backoff", backoff(), elastic.backoff);
  visit("output.elasticsearch.only", only(), elastic.only);
  visit("output.elasticsearch.dead_letters", dead_letters(), elastic.dead_letters);
}

}  // namespace output_rows

inline bool any_enabled(const Outputs& outputs) {
  return outputs.file.enabled || outputs.elasticsearch.enabled;
}

// Throws ConfigError for what is wrong between the options of one.
void check_outputs(const Outputs& outputs);

// The files that it names, for whoever ships to read; some names are empty. Throws ConfigError.
std::vector<std::string> files_of(const ElasticsearchOutput& output);

// What the destinations are made from; secrets are read from their files. Throws ConfigError.
FileOptions file_options(const FileOutput& output);
// Its connections are told to the agent of the ledger with that state.
ElasticsearchOptions elasticsearch_options(const ElasticsearchOutput& output,
                                           const std::string& state);
// The same for who only asks, maybe on a machine without a ledger: there is no agent to be told.
ElasticsearchOptions asking_options(const ElasticsearchOutput& output, const std::string& state);

// Whether a line is among `only`.
bool is_selected(const OnlyOptions& only, std::string_view line);

}  // namespace natledger
