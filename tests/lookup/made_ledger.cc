// SPDX-License-Identifier: GPL-2.0-or-later
// Makes a ledger of days of traffic in seconds, through the agent's own encoder and ledger, and
// puts many questions to one in a single process. The same numbers give the same ledger.
//
//   made_ledger make DIR LINES SEGMENTS SEED   the oldest first; all but the last sealed
//   made_ledger archive DIR COUNT              the oldest
//   made_ledger index DIR STEP                 the active segment, if it has STEP bytes
//   made_ledger ask DIR index|lines|any        questions on standard input, a line each:
//                                              address, time, skew, protocol, remote, by tabs
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "base/error.h"
#include "ledger/archiver.h"
#include "ledger/indexer.h"
#include "lookup/answer_text.h"
#include "lookup/line_facts.h"
#include "lookup/search.h"
#include "lookup/traffic.h"

namespace natledger {

namespace {

bool always() { return true; }

int archive(const std::string& directory, int count) {
  Archiver archiver{directory, Duration{1}};
  for (int i = 0; i < count; ++i) {
    if (!archiver.archive_next(now() + std::chrono::hours{1}, always)) return 1;
  }
  return 0;
}

int index(const std::string& directory, uint64_t step_bytes) {
  Indexer indexer{directory, read_line_facts, step_bytes};
  while (indexer.index_next(always)) {
  }
  return 0;
}

Answer answer_of(const std::string& way, const Asking& asking, const Question& question) {
  if (way == "any") return ask_ledger(asking, question);
  if (way == "lines") return ask_line_by_line(asking, question);
  auto answer = ask_by_index(asking, question);
  if (!answer) throw SystemError("the indexes do not reach");
  return *answer;
}

int ask(const std::string& directory, const std::string& way) {
  const Asking asking{directory, {}, now(), [](uint64_t) {}};
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream parts{line};
    QuestionText text;
    for (std::string* part : {&text.address, &text.at, &text.skew, &text.protocol, &text.remote}) {
      std::getline(parts, *part, '\t');
    }
    std::cout << answer_json(answer_of(way, asking, parse_question(text))) << std::flush;
  }
  return 0;
}

int run(const std::vector<std::string>& arguments) {
  const auto number = [&](size_t i) { return std::stoull(arguments.at(i)); };
  const std::string& action = arguments.at(0);
  const std::string& directory = arguments.at(1);
  if (action == "make") {
    make_traffic({directory, number(2), static_cast<int>(number(3)), number(4)});
    return 0;
  }
  if (action == "archive") return archive(directory, static_cast<int>(number(2)));
  if (action == "index") return index(directory, number(2));
  if (action == "ask") return ask(directory, arguments.at(2));
  return 2;
}

}  // namespace

}  // namespace natledger

int main(int argc, char** argv) {
  try {
    return natledger::run({argv + 1, argv + argc});
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "made_ledger: %s\n", failure.what());
    return 2;
  }
}
