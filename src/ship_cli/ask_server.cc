// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship_cli/ask_server.h"

#include <algorithm>
#include <list>
#include <optional>

#include "base/error.h"
#include "base/list_text.h"
#include "ledger/line.h"
#include "ship/server_records.h"

namespace natledger {

namespace {

// The server may remove an index while it is asked.
constexpr int kTries = 3;

std::vector<std::string> choose(ServerRecords& records, const Question& question,
                                const std::string& gateway) {
  std::vector<std::string> all = records.ledgers("");
  if (gateway.empty() && all.size() == 1 && records.has_only(all.front())) return all;
  if (gateway.empty()) {
    // A ledger that tells of no coverage proves nothing, and still may show a flow.
    std::vector<std::string> behind = records.ledgers_behind(question.address.address);
    return behind.empty() ? all : behind;
  }
  if (std::ranges::find(all, gateway) != all.end()) return {gateway};
  std::vector<std::string> named = records.ledgers(gateway);
  if (named.empty()) {
    throw SystemError("ask " + records.name() + ": it has no gateway \"" + gateway +
                      "\" (it has the ledgers " + list_text(all) + ")");
  }
  return named;
}

// What one ledger's records say.
class Party {
 public:
  Party(ServerRecords& records, const Question& question, std::string ledger)
      : inquiry_(question), ledger_(std::move(ledger)), coverage_(records.coverage(ledger_)) {
    if (coverage_.first != 0) inquiry_.begins_with(coverage_.first);
    for (const KeptLine& line : coverage_.kept) {
      inquiry_.pass(line.before);
      inquiry_.read_kept(line.text, line.sequence);
      const std::string_view name = text_in(line.text, "\"observer.name\":");
      if (!name.empty()) observer_ = name;
    }
    inquiry_.pass(coverage_.rest);
  }

  const std::string& ledger() const { return ledger_; }
  Inquiry& inquiry() { return inquiry_; }
  bool still_whole(ServerRecords& records) const {
    return records.still_has(ledger_, coverage_.indices);
  }

  Answer answer(TimePoint asked_at) {
    Answer answer = inquiry_.answer({}, asked_at);
    answer.gateways = {
        {ledger_, observer_, answer.covered, answer.record_begin, answer.record_end}};
    return answer;
  }

 private:
  Inquiry inquiry_;
  std::string ledger_;
  std::string observer_;
  ServedCoverage coverage_;
};

void recall(const std::vector<ServedRecord>& found, std::list<Party>& parties) {
  for (const ServedRecord& record : found) {
    for (Party& party : parties) {
      if (party.ledger() == record.ledger()) party.inquiry().recall(record.line);
    }
  }
}

void recall_flows(ServerRecords& records, const Question& question, std::list<Party>& parties) {
  IndexQuestion wanted{question.address, question.protocol, {}, {}, {}};
  if (question.remote) wanted.remote = question.remote->address;
  wanted.from = TimePoint{INT64_MAX};
  wanted.to = TimePoint{INT64_MIN};
  for (Party& party : parties) {
    const TimeRange range = party.inquiry().range();
    wanted.from = std::min(wanted.from, range.from);
    wanted.to = std::max(wanted.to, range.to);
  }
  recall(records.flows(wanted), parties);
  std::vector<std::string> ids;
  for (Party& party : parties) {
    for (std::string& id : party.inquiry().beginnings_wanted()) ids.push_back(std::move(id));
  }
  recall(records.records(ids), parties);
}

// Nothing where the server lost what it had meanwhile.
std::optional<Answer> try_to_ask(ServerRecords& records, const Question& question,
                                 const std::string& gateway) {
  const TimePoint asked_at = now();
  std::list<Party> parties;
  for (const std::string& ledger : choose(records, question, gateway)) {
    parties.emplace_back(records, question, ledger);
  }
  if (parties.empty()) return Inquiry{question}.answer({}, asked_at);
  recall_flows(records, question, parties);
  std::vector<Answer> answers;
  for (Party& party : parties) {
    if (!party.still_whole(records)) return {};
    answers.push_back(party.answer(asked_at));
  }
  return combine(answers);
}

}  // namespace

Answer ask_server(const ElasticsearchOptions& options, const Question& question,
                  const std::string& gateway) {
  ServerRecords records{options};
  records.check_keys();
  for (int i = 0; i < kTries; ++i) {
    auto answer = try_to_ask(records, question, gateway);
    if (!answer) continue;
    answer->source = records.name();
    return std::move(*answer);
  }
  throw SystemError("ask " + records.name() + ": it removes records while it is asked (ask again)");
}

}  // namespace natledger
