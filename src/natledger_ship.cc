// SPDX-License-Identifier: GPL-2.0-or-later
// natledger-ship: takes the records of a ledger to where people search. Needs no capability, and
// costs no event when it is killed: it is a cursor over the ledger.
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "agent/config.h"
#include "agent/version.h"
#include "base/error.h"
#include "base/log.h"
#include "flow/mapping.h"
#include "ship/outputs.h"
#include "ship/setup.h"
#include "ship/status.h"

namespace natledger {

namespace {

ShipperOptions shipper_options(std::string name, const OnlyOptions& only) {
  ShipperOptions options;
  options.name = std::move(name);
  options.selects = [only](std::string_view line) { return is_selected(only, line); };
  return options;
}

// The destinations of the configuration. What is wrong in one shows before any is started.
std::vector<Output> outputs_of(const Outputs& configured) {
  std::vector<Output> outputs;
  if (configured.file.enabled) {
    Output& output = outputs.emplace_back();
    output.options = shipper_options("file", configured.file.only);
    if (configured.file.sync) output.options.flush_interval = Duration{};
    output.make = [options = file_options(configured.file)](const std::string& memory) {
      return make_file(options, memory);
    };
  }
  if (const ElasticsearchOutput& es = configured.elasticsearch; es.enabled) {
    Output& output = outputs.emplace_back();
    output.options = shipper_options("elasticsearch", es.only);
    output.options.batch_records = es.bulk_max_size;
    output.options.batch_bytes = es.bulk_max_bytes;
    output.options.flush_interval = es.flush_interval;
    output.options.backoff = es.backoff;
    output.make = [options = elasticsearch_options(es)](const std::string& memory) {
      return make_elasticsearch(options, memory);
    };
  }
  if (outputs.empty()) {
    throw ConfigError(
        "no destination: the configuration has no output.file and no output.elasticsearch");
  }
  return outputs;
}

int run(const std::optional<std::string>& file) {
  Config config = load_config(file);
  open_log(config.log);
  std::vector<Output> outputs = outputs_of(config.outputs);
  while (ship(config.ledger, outputs)) {
    try {
      Config changed = load_config(file);
      outputs = outputs_of(changed.outputs);
      config = std::move(changed);
    } catch (const ConfigError& error) {
      log_error("reload: " + std::string{error.what()} + "; everything stays as it was");
    }
  }
  return 0;
}

int status(const std::optional<std::string>& file, bool json) {
  const Config config = load_config(file);
  const ShipStatus status = read_ship_status(config.ledger);
  fmt::print("{}", json ? status_json(status) : status_text(status));
  return 0;
}

struct Setup {
  std::string keep = "0";
  bool print = false;
  bool print_role = false;
};

// Prints what it would make on a new Elasticsearch.
void print_steps(const SetupOptions& options) {
  const bool has_policy = options.keep != Duration::zero();
  auto steps = setup_steps(options, Server::kElasticsearch, has_policy);
  if (has_policy) steps.insert(steps.begin(), policy_step(options, Server::kElasticsearch));
  for (const SetupStep& step : steps) fmt::print("PUT {}\n{}\n\n", step.path, step.body);
}

int set_up_elasticsearch(const std::optional<std::string>& file, const Setup& setup) {
  const Config config = load_config(file);
  const ElasticsearchOutput& output = config.outputs.elasticsearch;
  const auto keep = parse_duration(setup.keep);
  if (!keep) throw ConfigError("--keep: \"" + setup.keep + "\" is not a time such as 180d");
  const SetupOptions options{output.data_stream, *keep, elastic_properties()};
  if (setup.print_role) {
    fmt::print("{}", role_text(output.data_stream, output.dedup));
    return 0;
  }
  if (setup.print) {
    print_steps(options);
    return 0;
  }
  if (!output.enabled) throw ConfigError("the configuration has no output.elasticsearch");
  HttpClient client{output.hosts.at(0), elasticsearch_options(output).http};
  const SetupDone done = set_up(client, options);
  for (const std::string& line : done.lines) fmt::print("{}\n", line);
  fmt::print("{} changed\n", done.changed);
  return 0;
}

int run_command_line(int argc, char** argv) {
  CLI::App app{"takes the records of a natledger ledger to their destinations", "natledger-ship"};
  app.set_version_flag("--version", NATLEDGER_VERSION);
  app.require_subcommand(1);
  std::optional<std::string> config;
  bool json = false;
  CLI::App* const running = app.add_subcommand("run", "ship until it is told to stop");
  CLI::App* const asking = app.add_subcommand("status", "how far each destination has come");
  CLI::App* const setting = app.add_subcommand("setup", "tell a server what is to come");
  CLI::App* const elastic = setting->add_subcommand(
      "elasticsearch", "templates and lifecycle, on Elasticsearch or OpenSearch");
  setting->require_subcommand(1);
  Setup setup;
  elastic->add_option("--keep", setup.keep, "the server removes what is older; 0: nothing")
      ->capture_default_str();
  elastic->add_flag("--print", setup.print, "only print what it would make");
  elastic->add_flag("--print-role", setup.print_role,
                    "print the roles that set up and that ship, for the server's administrator");
  for (CLI::App* const command : {running, asking, elastic}) {
    command->add_option(
        "--config", config,
        std::string{"configuration file (default: "} + kDefaultConfigFile + " if it is there)");
  }
  asking->add_flag("--json", json, "for programs");
  try {
    app.parse(argc, argv);
    if (elastic->parsed()) return set_up_elasticsearch(config, setup);
    return running->parsed() ? run(config) : status(config, json);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const ConfigError& error) {
    fmt::print(stderr, "natledger-ship: {}\n", error.what());
    return 2;
  } catch (const SystemError& error) {
    fmt::print(stderr, "natledger-ship: {}\n", error.what());
    return 1;
  }
}

}  // namespace

}  // namespace natledger

int main(int argc, char** argv) {
  try {
    return natledger::run_command_line(argc, argv);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "natledger-ship: %s\n", failure.what());
    return 1;
  }
}
