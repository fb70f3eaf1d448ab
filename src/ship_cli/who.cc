// SPDX-License-Identifier: GPL-2.0-or-later
// `natledger who --source elasticsearch` goes on as this.
#include <cstdio>
#include <exception>
#include <memory>

#include <CLI/CLI.hpp>

#include "base/error.h"
#include "kibana/link.h"
#include "lookup/audit.h"
#include "ship_cli/ask_server.h"
#include "ship_cli/command.h"

namespace natledger {

std::function<int()> add_who(CLI::App& app);

namespace {

constexpr int kCouldNotLook = 6;

struct WhoOptions {
  ConfigFile file;
  QuestionText question;
  std::string gateway;
  std::string kibana;
  bool json = false;
};

int ask(const WhoOptions& options) {
  const Question question = parse_question(options.question);
  const Config config = options.file.load();
  const std::string& state = config.ledger.state;
  if (!config.outputs.elasticsearch.enabled) {
    throw ConfigError("the configuration has no output.elasticsearch, which names the server");
  }
  const ElasticsearchOptions server = asking_options(config.outputs.elasticsearch, state);
  Answer answer = ask_server(server, question, options.gateway);
  answer.kibana = kibana_link(options.kibana, answer);
  const int status = give_answer(state, answer, options.json);
  // Output that did not arrive must not look like an answer.
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    throw SystemError("write standard output", errno, "make room where it goes");
  }
  return status;
}

int ask_or_say_why_not(const WhoOptions& options) {
  try {
    return ask(options);
  } catch (const ConfigError&) {
    throw;
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "natledger-ship: %s\n", failure.what());
    return kCouldNotLook;
  }
}

}  // namespace

std::function<int()> add_who(CLI::App& app) {
  const auto options = std::make_shared<WhoOptions>();
  options->file.add_to(app);
  for (const QuestionOption& option : question_options()) {
    app.add_option(option.name, options->question.*option.part, option.help)
        ->required(option.required);
  }
  app.add_option("--gateway", options->gateway,
                 "only this gateway's records, by observer.name or ledger id");
  app.add_option("--kibana", options->kibana, kKibanaHelp);
  app.add_flag("--json", options->json, "the answer as JSON");
  app.footer(kWhoExitStatuses);
  return [options] { return ask_or_say_why_not(*options); };
}

}  // namespace natledger
