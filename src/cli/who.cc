// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/error.h"
#include "base/progress.h"
#include "cli/become_ship.h"
#include "cli/options.h"
#include "kibana/link.h"
#include "ledger/covered_mark.h"
#include "lookup/audit.h"
#include "lookup/search.h"

namespace natledger {

std::function<int()> add_who(CLI::App& app);

namespace {

// How long a question about the present waits for the agent to have seen it.
constexpr auto kPatience = std::chrono::seconds{3};
constexpr auto kPoll = std::chrono::milliseconds{50};

struct WhoOptions {
  CommonOptions common;
  QuestionText question;
  std::string source = "ledger";
  std::string ledger;
  std::string gateway;
  std::string kibana;
  bool json = false;
};

// Up to when a running agent has written everything; the zero instant when none runs.
TimePoint wait_until_covered(const Config& config, TimePoint until) {
  if (!is_being_written(config.ledger.directory)) return {};
  const TimePoint give_up = now() + kPatience;
  // Moved away or emptied by somebody, it is not what the agent speaks of. A moment long it is so
  // when a new segment is begun.
  while (!is_active_segment(config.ledger)) {
    if (now() >= give_up) return {};
    std::this_thread::sleep_for(kPoll);
  }
  const std::string path = config.ledger.state + "/covered";
  TimePoint covered_to = read_written_to(path);
  while (covered_to.known() && covered_to < until && now() < give_up) {
    std::this_thread::sleep_for(kPoll);
    covered_to = read_written_to(path);
  }
  return covered_to;
}

Answer ask(const Config& config, const Question& question) {
  const TimePoint asked_at = now();
  // Taken before the ledger is read, so that what it promises is there.
  const TimePoint covered_to =
      wait_until_covered(config, std::min(question.at + question.skew, asked_at));
  Progress progress{"reading the ledger"};
  return ask_ledger({config.ledger.directory, covered_to, asked_at,
                     [&progress](uint64_t sequence) { progress.update(sequence, 0); }},
                    question);
}

// A server is asked by the program that knows the network.
int ask_server(const WhoOptions& options) {
  if (!options.ledger.empty()) {
    throw ConfigError(
        "--ledger names a directory here, and --source elasticsearch has none; "
        "--gateway says whose records to look at");
  }
  std::vector<std::string> words{"who"};
  for (const QuestionOption& option : question_options()) {
    const std::string& given = options.question.*option.part;
    if (option.name[0] == '-' && !given.empty()) words.push_back(option.name + ("=" + given));
  }
  if (!options.gateway.empty()) words.push_back("--gateway=" + options.gateway);
  if (!options.kibana.empty()) words.push_back("--kibana=" + options.kibana);
  if (options.common.config_file) words.push_back("--config=" + *options.common.config_file);
  if (options.json) words.emplace_back("--json");
  words.insert(words.end(), {"--", options.question.address});
  return become_ship(std::move(words));
}

int run_who(const WhoOptions& options) {
  const Question question = parse_question(options.question);
  if (options.source != "ledger") return ask_server(options);
  if (!options.gateway.empty()) {
    throw ConfigError("--gateway goes with --source elasticsearch; a ledger is of one gateway");
  }
  Config config = options.common.load();
  if (!options.ledger.empty()) {
    config.ledger.directory = options.ledger;
    config.ledger.state = options.ledger + "/state";
  }
  Answer answer = ask(config, question);
  answer.kibana = kibana_link(options.kibana, answer);
  return give_answer(config.ledger.state, answer, options.json);
}

}  // namespace

std::function<int()> add_who(CLI::App& app) {
  const auto options = std::make_shared<WhoOptions>();
  options->common.add_to(app);
  for (const QuestionOption& option : question_options()) {
    app.add_option(option.name, options->question.*option.part, option.help)
        ->required(option.required);
  }
  app.add_option("--source", options->source,
                 "what to ask: this machine's ledger, or the server that records are shipped to")
      ->check(CLI::IsMember({"ledger", "elasticsearch"}));
  app.add_option("--gateway", options->gateway,
                 "with --source elasticsearch: only this gateway's records, by observer.name or "
                 "ledger id (default: of each that had flows behind the address)");
  app.add_option("--ledger", options->ledger,
                 "the ledger of this directory, such as a copy (default: ledger.directory)");
  app.add_option("--kibana", options->kibana, kKibanaHelp);
  app.add_flag("--json", options->json, "the answer as JSON");
  app.footer(kWhoExitStatuses);
  return [options] { return run_who(*options); };
}

}  // namespace natledger
