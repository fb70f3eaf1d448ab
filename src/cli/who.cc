// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <thread>

#include <CLI/CLI.hpp>

#include "base/progress.h"
#include "cli/options.h"
#include "ledger/covered_mark.h"
#include "lookup/answer_text.h"
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
  std::string ledger;
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

int run_who(const WhoOptions& options) {
  const Question question = parse_question(options.question);
  Config config = options.common.load();
  if (!options.ledger.empty()) {
    config.ledger.directory = options.ledger;
    config.ledger.state = options.ledger + "/state";
  }
  const Answer answer = ask(config, question);
  const std::string not_audited = write_audit(config.ledger.state, answer);
  if (!not_audited.empty()) {
    std::fprintf(stderr, "natledger: this question is not in the audit log: %s\n",
                 not_audited.c_str());
  }
  const std::string text = options.json ? answer_json(answer) : answer_text(answer);
  std::fputs(text.c_str(), stdout);
  return static_cast<int>(answer.verdict);
}

}  // namespace

std::function<int()> add_who(CLI::App& app) {
  const auto options = std::make_shared<WhoOptions>();
  QuestionText& question = options->question;
  options->common.add_to(app);
  app.add_option("ADDRESS", question.address,
                 "1.2.3.4:53500, [2001:db8::1]:80; of ICMP the id; "
                 "without a port: every flow of the address")
      ->required();
  app.add_option("--at", question.at, "the time, with its offset: 2014-02-22T12:27:04Z")
      ->required();
  app.add_option("--skew", question.skew, "how far the asker's clock may be off (default: 2s)");
  app.add_option("--protocol", question.protocol, "tcp, udp, icmp ... or a number");
  app.add_option("--remote", question.remote, "the other end, with or without its port");
  app.add_option("--case", question.case_text, "a reference for the audit log");
  app.add_option("--ledger", options->ledger,
                 "the ledger of this directory, such as a copy (default: ledger.directory)");
  app.add_flag("--json", options->json, "the answer as JSON");
  app.footer(
      "Exit status: 0 one host; 1 nobody; 2 malformed question; 3 several hosts; 4 cannot "
      "say; 5 one host, not sure; 6 could not look.");
  return [options] { return run_who(*options); };
}

}  // namespace natledger
