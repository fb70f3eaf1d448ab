// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/output_options.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/user.h"
#include "ledger/line.h"
#include "ledger/own_connections.h"

namespace natledger {

namespace {

constexpr uint64_t kMiB = 1 << 20;

// `${NAME}` replaced by the environment's value.
std::string expand(const std::string& text, std::string_view option) {
  std::string expanded;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = std::min(text.find("${", at), text.size());
    expanded += text.substr(at, begin - at);
    if (begin == text.size()) break;
    const size_t end = text.find('}', begin);
    if (end == std::string::npos) throw ConfigError(std::string{option} + ": \"${\" without \"}\"");
    const std::string name = text.substr(begin + 2, end - begin - 2);
    const char* const value = std::getenv(name.c_str());
    if (value == nullptr) {
      throw ConfigError(std::string{option} + ": the environment has no " + name +
                        " (set it for the service, or give " + std::string{option} + "_file)");
    }
    expanded += value;
    at = end + 1;
  }
  return expanded;
}

// A secret of the configuration, its environment, or a file.
std::string secret(const std::string& text, const std::string& file, const std::string& option) {
  if (file.empty()) return expand(text, option);
  if (!text.empty()) {
    throw ConfigError(option + " and " + option + "_file are both given; leave one out");
  }
  const std::string path = expand(file, option + "_file");
  auto content = read_file(path);
  if (!content) {
    const int cause = errno;
    throw ConfigError(option + "_file: read " + path + ": " + error_text(cause) +
                      " (natledger-ship must be able to read it, as " + user_name() + ")");
  }
  while (content->ends_with('\n') || content->ends_with('\r')) content->pop_back();
  return *content;
}

bool is_in(const std::vector<std::string>& wanted, std::string_view value) {
  return wanted.empty() || std::ranges::find(wanted, value) != wanted.end();
}

}  // namespace

void read_value(const ConfigNode& node, const SecretRule&, std::string& value) {
  read_value(node, TextRule{}, value);
}
std::string value_text(const SecretRule&, const std::string& value) {
  return value_text(TextRule{}, value.empty() || value.starts_with("${") ? value : "(given)");
}
std::string rule_text(const SecretRule&) { return "text, or ${NAME} of the environment"; }

namespace output_rows {

const std::vector<Option<ShipOptions>>& ship() {
  static const std::vector<Option<ShipOptions>> kRows{
      {"start", &ShipOptions::start,
       "whether `natledger run` starts natledger-ship and watches it, where there is a destination",
       BoolRule{}, Change::kReload},
      {"user", &ShipOptions::user,
       "who it then becomes, where the agent is root and there is such a user; \"\": nobody else",
       TextRule{}, Change::kReload},
  };
  return kRows;
}

const std::vector<Option<FileOutput>>& file() {
  static const std::vector<Option<FileOutput>> kRows{
      {"enabled", &FileOutput::enabled,
       "whether it is shipped to; a section says so by being there", BoolRule{}, Change::kReload},
      {"path", &FileOutput::path, "the file, which others may rotate; reopened on SIGHUP",
       TextRule{.required = true}, Change::kReload},
      {"record", &FileOutput::record, "ulogd2's own lines, or those of the ledger",
       TextRule{kRecords}, Change::kReload},
      {"sync", &FileOutput::sync, "ulogd2's: a reader sees each line at once", BoolRule{},
       Change::kReload},
      {"eventv1", &FileOutput::eventv1, "ulogd2's: @version and @timestamp", BoolRule{},
       Change::kReload},
      {"device", &FileOutput::device, "ulogd2's: the value of dvc", TextRule{}, Change::kReload},
      {"timestamp", &FileOutput::timestamp, "ulogd2's: whether lines have one", BoolRule{},
       Change::kReload},
      {"drop_fields", &FileOutput::drop_fields, "keys that are left out, with record: full",
       ListRule{}, Change::kReload},
  };
  return kRows;
}

const std::vector<Option<ElasticsearchOutput>>& elasticsearch() {
  using Output = ElasticsearchOutput;
  static const std::vector<Option<Output>> kRows{
      {"enabled", &Output::enabled, "whether it is shipped to; a section says so by being there",
       BoolRule{}, Change::kReload},
      {"hosts", &Output::hosts, "addresses of one cluster; the next is asked where one fails",
       ListRule{}, Change::kReload},
      {"username", &Output::username, "of Basic authentication", TextRule{}, Change::kReload},
      {"password", &Output::password, "with username", SecretRule{}, Change::kReload},
      {"password_file", &Output::password_file, "a file that holds it", TextRule{},
       Change::kReload},
      {"api_key", &Output::api_key, "an API key: id:key, or as the server calls it encoded",
       SecretRule{}, Change::kReload},
      {"api_key_file", &Output::api_key_file, "a file that holds it", TextRule{}, Change::kReload},
      {"bearer_token", &Output::bearer_token, "a service token", SecretRule{}, Change::kReload},
      {"bearer_token_file", &Output::bearer_token_file, "a file that holds it", TextRule{},
       Change::kReload},
      {"proxy_url", &Output::proxy_url, "an HTTP proxy; \"\": that of the environment", TextRule{},
       Change::kReload},
      {"headers", &Output::headers, "more headers, each \"Name: value\"", ListRule{},
       Change::kReload},
      {"compression_level", &Output::compression_level, "of gzip bodies; 0: plain", CountRule{0, 9},
       Change::kReload},
      {"worker", &Output::worker, "requests under way at once", CountRule{1, 64}, Change::kReload},
      {"bulk_max_size", &Output::bulk_max_size, "records in a request, at most",
       CountRule{1, 50'000}, Change::kReload},
      {"bulk_max_bytes", &Output::bulk_max_bytes, "bytes in a request before it is packed",
       SizeRule{64 << 10, 90 * kMiB}, Change::kReload},
      {"flush_interval", &Output::flush_interval, "how long a request waits to be full",
       DurationRule{}, Change::kReload},
      {"timeout", &Output::timeout, "how long an answer may take", DurationRule{}, Change::kReload},
      {"data_stream", &Output::data_stream, "the data stream, or alias, that takes the records",
       TextRule{.required = true}, Change::kReload},
      {"dedup", &Output::dedup,
       "whether the role may read and delete in the backing indices, which a rollover amid a fault "
       "needs",
       BoolRule{}, Change::kReload},
      {"drop_fields", &Output::drop_fields, "keys that a record is sent without", ListRule{},
       Change::kReload},
  };
  return kRows;
}

const std::vector<Option<TlsOptions>>& ssl() {
  static const std::vector<Option<TlsOptions>> kRows{
      {"certificate_authorities", &TlsOptions::certificate_authorities,
       "a PEM file; \"\": the system's", TextRule{}, Change::kReload},
      {"ca_trusted_fingerprint", &TlsOptions::ca_trusted_fingerprint,
       "SHA-256 of a CA's certificate, as Elasticsearch prints it at its first start", TextRule{},
       Change::kReload},
      {"certificate", &TlsOptions::certificate, "the client's, a PEM file", TextRule{},
       Change::kReload},
      {"key", &TlsOptions::key, "of that certificate, a PEM file", TextRule{}, Change::kReload},
      {"verify", &TlsOptions::verify, "false: whoever answers is believed", BoolRule{},
       Change::kReload},
  };
  return kRows;
}

const std::vector<Option<BackoffOptions>>& backoff() {
  static const std::vector<Option<BackoffOptions>> kRows{
      {"init", &BackoffOptions::init, "the pause behind a first failure, at most", DurationRule{},
       Change::kReload},
      {"max", &BackoffOptions::max, "and behind the following ones", DurationRule{},
       Change::kReload},
  };
  return kRows;
}

const std::vector<Option<OnlyOptions>>& only() {
  static const std::vector<Option<OnlyOptions>> kRows{
      {"actions", &OnlyOptions::actions, "only records of these actions; []: all",
       ListRule{kActions}, Change::kReload},
      {"nat", &OnlyOptions::nat, "only flows so translated; []: all", ListRule{kNatKinds},
       Change::kReload},
  };
  return kRows;
}

const std::vector<Option<DeadLetterOptions>>& dead_letters() {
  static const std::vector<Option<DeadLetterOptions>> kRows{
      {"size", &DeadLetterOptions::size,
       "of the file of records refused for good; full, it stops this destination", SizeRule{kMiB},
       Change::kReload},
  };
  return kRows;
}

}  // namespace output_rows

namespace {

// Without these a record could not be told from others, or found.
constexpr std::string_view kNeeded[] = {"@timestamp", "event.id", "event.sequence", "event.action"};

void check_drop_fields(std::string_view output, const std::vector<std::string>& fields) {
  for (const std::string& field : fields) {
    if (std::ranges::find(kNeeded, field) == std::end(kNeeded)) continue;
    throw ConfigError(std::string{output} + ".drop_fields: " + field +
                      " cannot be left out: a record is known by it");
  }
}

}  // namespace

void check_outputs(const Outputs& outputs) {
  const ElasticsearchOutput& es = outputs.elasticsearch;
  check_drop_fields("output.elasticsearch", es.drop_fields);
  check_drop_fields("output.file", outputs.file.drop_fields);
  if (outputs.file.record != "full" && !outputs.file.drop_fields.empty()) {
    throw ConfigError(
        "output.file.drop_fields goes with record: full; ulogd2's lines are as they are");
  }
  if (!es.enabled) return;
  if (es.hosts.empty()) throw ConfigError("output.elasticsearch.hosts: name one at least");
  const int kinds = (es.username.empty() ? 0 : 1) +
                    (es.api_key.empty() && es.api_key_file.empty() ? 0 : 1) +
                    (es.bearer_token.empty() && es.bearer_token_file.empty() ? 0 : 1);
  if (kinds > 1) {
    throw ConfigError(
        "output.elasticsearch: username, api_key and bearer_token exclude each other; keep one");
  }
}

std::vector<std::string> files_of(const ElasticsearchOutput& output) {
  const TlsOptions& tls = output.ssl;
  std::vector<std::string> files{tls.certificate_authorities, tls.certificate, tls.key};
  for (const std::string& name :
       {output.password_file, output.api_key_file, output.bearer_token_file}) {
    files.push_back(expand(name, "a file of output.elasticsearch"));
  }
  return files;
}

FileOptions file_options(const FileOutput& output) {
  return {output.path, output.record, {output.device, output.timestamp, output.eventv1}};
}

namespace {

// What the record gains by it is not worth a connection that is not made.
auto tell_agent(const std::string& state) {
  return [state, table = std::shared_ptr<OwnConnections>{}](const Endpoint& own,
                                                            const Endpoint& other) mutable {
    try {
      if (!table) table = std::make_shared<OwnConnections>(state);
      table->add({own.address, other.address, own.port.value_or(0), other.port.value_or(0)});
    } catch (const SystemError& error) {
      log_warning("tell the agent of a connection of our own: " + std::string{error.what()} +
                  "; it is recorded");
    }
  };
}

}  // namespace

ElasticsearchOptions elasticsearch_options(const ElasticsearchOutput& output,
                                           const std::string& state) {
  const std::string section = "output.elasticsearch.";
  ElasticsearchOptions options;
  options.hosts = output.hosts;
  options.data_stream = output.data_stream;
  options.compression_level = output.compression_level;
  options.dedup = output.dedup;
  options.http.tls = output.ssl;
  options.http.proxy_url = output.proxy_url;
  options.http.headers = output.headers;
  options.http.timeout = output.timeout;
  options.http.tell_connection = tell_agent(state);
  Credentials& credentials = options.http.credentials;
  credentials.username = output.username;
  credentials.password = secret(output.password, output.password_file, section + "password");
  credentials.api_key = secret(output.api_key, output.api_key_file, section + "api_key");
  credentials.bearer =
      secret(output.bearer_token, output.bearer_token_file, section + "bearer_token");
  return options;
}

ElasticsearchOptions asking_options(const ElasticsearchOutput& output, const std::string& state) {
  ElasticsearchOptions options = elasticsearch_options(output, state);
  std::error_code failed;
  if (!std::filesystem::exists(state, failed)) options.http.tell_connection = {};
  return options;
}

bool is_selected(const OnlyOptions& only, std::string_view line) {
  if (only.actions.empty() && only.nat.empty()) return true;
  return is_in(only.actions, text_in(line, "\"event.action\":")) &&
         is_in(only.nat, text_in(line, "\"conntrack.nat.kind\":"));
}

}  // namespace natledger
