// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <iterator>
#include <tuple>

#include "lookup/who.h"

namespace natledger {

namespace {

// Its name, with the ledger's id where another has the same.
std::string label_of(const Gateway& gateway, const std::vector<Answer>& answers) {
  const auto same = [&](const Answer& answer) {
    return answer.gateways.front().observer == gateway.observer;
  };
  if (gateway.observer.empty()) return gateway.ledger;
  if (std::ranges::count_if(answers, same) == 1) return gateway.observer;
  return gateway.observer + " (" + gateway.ledger + ")";
}

void add(const Answer& one, const std::string& label, Answer& all) {
  for (Candidate candidate : one.candidates) {
    candidate.gateway = label;
    all.candidates.push_back(std::move(candidate));
  }
  for (Hole hole : one.holes) {
    hole.gateway = label;
    all.holes.push_back(std::move(hole));
  }
  std::ranges::copy(one.clock_settings, std::back_inserter(all.clock_settings));
  std::ranges::copy(one.gateways, std::back_inserter(all.gateways));
  all.covered = all.covered && one.covered;
  // What all of them reach.
  all.record_begin = std::max(all.record_begin, one.record_begin);
  all.record_end = std::min(all.record_end, one.record_end);
}

}  // namespace

Answer combine(const std::vector<Answer>& answers) {
  Answer all;
  if (answers.empty()) return all;
  if (answers.size() == 1) return answers.front();
  all.question = answers.front().question;
  all.covered = true;
  all.record_begin = answers.front().record_begin;
  all.record_end = answers.front().record_end;
  for (const Answer& one : answers) add(one, label_of(one.gateways.front(), answers), all);
  std::ranges::stable_sort(all.candidates, {},
                           [](const Candidate& c) { return std::tie(c.start, c.flow_id); });
  if (!std::ranges::all_of(all.gateways, [](const Gateway& g) { return g.begin.known(); })) {
    all.record_begin = all.record_end = {};
  }
  all.verdict = judge(all.candidates, all.covered, !all.question.address.port);
  return all;
}

}  // namespace natledger
