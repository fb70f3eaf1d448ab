// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/setup.h"

#include <map>
#include <memory>
#include <optional>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/error.h"
#include "base/quantity.h"
#include "flow/mapping.h"
#include "kibana/objects.h"
#include "ship/kibana_import.h"
#include "ship_cli/command.h"

namespace natledger {

std::function<int()> add_setup(CLI::App& app);

namespace {

struct Setup {
  ConfigFile file;
  std::string keep = "0";
  bool print = false;
  bool print_role = false;
  std::optional<Server> server;  // that is printed for
};

// Prints what it would make.
void print_steps(const SetupOptions& options, Server server) {
  const bool has_policy = options.keep != Duration::zero();
  auto steps = setup_steps(options, server, has_policy);
  if (has_policy) steps.insert(steps.begin(), policy_step(options, server));
  for (const SetupStep& step : steps) fmt::print("PUT {}\n{}\n\n", step.path, step.body);
}

int set_up_elasticsearch(const Setup& setup) {
  const Config config = setup.file.load();
  const ElasticsearchOutput& output = config.outputs.elasticsearch;
  const auto keep = parse_duration(setup.keep);
  if (!keep) throw ConfigError("--keep: \"" + setup.keep + "\" is not a time such as 180d");
  const SetupOptions options{output.data_stream, *keep, elastic_properties()};
  const Server server = setup.server.value_or(Server::kElasticsearch);
  if (setup.print_role) {
    fmt::print("{}", role_text(output.data_stream, output.dedup, server));
    return 0;
  }
  if (setup.print) {
    print_steps(options, server);
    return 0;
  }
  if (setup.server) {
    throw ConfigError(
        "--server is for --print and --print-role: a server that is set up is asked what it is");
  }
  if (!output.enabled) throw ConfigError("the configuration has no output.elasticsearch");
  Hosts hosts{output.hosts, elasticsearch_options(output, config.ledger.state).http};
  const SetupDone done = set_up(hosts, options);
  for (const std::string& line : done.lines) fmt::print("{}\n", line);
  fmt::print("{} changed\n", done.changed);
  return 0;
}

struct KibanaSetup {
  ConfigFile file;
  std::string url;
  bool print = false;
};

int set_up_kibana(const KibanaSetup& setup) {
  const Config config = setup.file.load();
  const ElasticsearchOutput& output = config.outputs.elasticsearch;
  const std::string objects = kibana_objects(index_pattern(output.data_stream));
  if (setup.print) {
    fmt::print("{}", objects);
    return 0;
  }
  if (setup.url.empty()) {
    throw ConfigError(
        "--url is missing: the address of a Kibana, such as https://kibana:5601, or "
        "of a space in it, https://kibana:5601/s/NAME (--print needs none)");
  }
  const HttpOptions http = asking_options(output, config.ledger.state).http;
  const Imported imported = import_saved_objects(setup.url, http, objects);
  fmt::print("{} saved objects imported\n", imported.objects);
  if (imported.renamed != 0) {
    fmt::print(
        "{} of them under other ids, since another space has theirs: for the links of `who "
        "--kibana` give it the address of that space\n",
        imported.renamed);
  }
  return 0;
}

std::function<int()> add_kibana(CLI::App& app) {
  const auto setup = std::make_shared<KibanaSetup>();
  setup->file.add_to(app);
  app.add_option("--url", setup->url,
                 "where Kibana or OpenSearch Dashboards is, with the path of a space if there is "
                 "one; credentials and TLS are those of output.elasticsearch, or USER:PASSWORD@ "
                 "in the address");
  app.add_flag("--print", setup->print, "only print the file that it would import");
  return [setup] { return set_up_kibana(*setup); };
}

}  // namespace

std::function<int()> add_setup(CLI::App& app) {
  const auto setup = std::make_shared<Setup>();
  CLI::App& kibana = *app.add_subcommand(
      "kibana", "index pattern, searches and dashboards, in Kibana or OpenSearch Dashboards");
  const std::function<int()> run_kibana = add_kibana(kibana);
  CLI::App& elastic = *app.add_subcommand(
      "elasticsearch", "templates and lifecycle, on Elasticsearch or OpenSearch");
  app.require_subcommand(1);
  setup->file.add_to(elastic);
  elastic.add_option("--keep", setup->keep, "the server removes what is older; 0: nothing")
      ->capture_default_str();
  elastic.add_flag("--print", setup->print, "only print what it would make");
  const std::map<std::string, Server> servers{{"elasticsearch", Server::kElasticsearch},
                                              {"elasticsearch-7", Server::kElasticsearch7},
                                              {"opensearch", Server::kOpenSearch}};
  elastic
      .add_option("--server", setup->server,
                  "of --print and --print-role: elasticsearch (8 and later), elasticsearch-7 or "
                  "opensearch; one that is set up is asked what it is")
      ->transform(CLI::CheckedTransformer(servers));
  elastic.add_flag("--print-role", setup->print_role,
                   "print the roles that set up, ship and ask, for the server's administrator");
  return [setup, run_kibana, &kibana] {
    return kibana.parsed() ? run_kibana() : set_up_elasticsearch(*setup);
  };
}

}  // namespace natledger
