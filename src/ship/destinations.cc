// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/destinations.h"

#include <utility>

#include "base/error.h"
#include "ship/hosts.h"

namespace natledger {

namespace {

ShipperOptions shipper_options(std::string name, const OnlyOptions& only,
                               const std::vector<std::string>& drop_fields) {
  ShipperOptions options;
  options.name = std::move(name);
  options.selects = [only](std::string_view line) { return is_selected(only, line); };
  options.drop_fields = drop_fields;
  return options;
}

Output file_output(const FileOutput& file) {
  Output output;
  output.options = shipper_options("file", file.only, file.drop_fields);
  output.options.dead_letter_bytes = file.dead_letters.size;
  if (file.sync) output.options.flush_interval = Duration{};
  output.make = [options = file_options(file)](const Past& past, const std::stop_token&) {
    return make_file(options, past.memory);
  };
  return output;
}

Output elasticsearch_output(const ElasticsearchOutput& es, const std::string& state) {
  Output output;
  output.options = shipper_options("elasticsearch", es.only, es.drop_fields);
  output.options.dead_letter_bytes = es.dead_letters.size;
  output.options.workers = es.worker;
  output.options.batch_records = es.bulk_max_size;
  output.options.batch_bytes = es.bulk_max_bytes;
  output.options.flush_interval = es.flush_interval;
  output.options.backoff = es.backoff;
  const ElasticsearchOptions options = elasticsearch_options(es, state);
  static_cast<void>(Hosts{options.hosts, options.http});  // refuses what is no URL
  output.make = [options](const Past& past, std::stop_token stop) {
    ElasticsearchOptions stoppable = options;
    stoppable.http.stop = std::move(stop);
    return make_elasticsearch(stoppable, past);
  };
  output.longest_request = options.http.timeout;
  output.make_for_repeats = [options](TimePoint under_way_until) {
    ElasticsearchOptions repeats = options;
    repeats.sent_before = under_way_until;
    return make_elasticsearch(repeats, Past{});
  };
  return output;
}

}  // namespace

std::vector<Output> outputs_of(const Outputs& configured, const std::string& state) {
  std::vector<Output> outputs;
  if (configured.file.enabled) outputs.push_back(file_output(configured.file));
  if (configured.elasticsearch.enabled) {
    outputs.push_back(elasticsearch_output(configured.elasticsearch, state));
  }
  if (outputs.empty()) {
    throw ConfigError(
        "no destination: the configuration has no output.file and no output.elasticsearch");
  }
  return outputs;
}

Output repeatable_output(const Outputs& configured, const std::string& state) {
  if (!configured.elasticsearch.enabled) {
    throw ConfigError(
        "the configuration has no output.elasticsearch; into a file, `natledger cat --from --to` "
        "writes records again");
  }
  return elasticsearch_output(configured.elasticsearch, state);
}

}  // namespace natledger
