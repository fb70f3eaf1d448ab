// SPDX-License-Identifier: GPL-2.0-or-later
// At least once on the wire, once in the index: the id of a document is that of its record. What is
// hard is a stream that rolls over between a record and its repetition; see doubts.h.
#include "ship/elasticsearch.h"

#include <algorithm>
#include <optional>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/quantity.h"
#include "ledger/line.h"
#include "ship/bulk.h"
#include "ship/copies.h"
#include "ship/doubts.h"
#include "ship/gzip.h"
#include "ship/hosts.h"

namespace natledger {

namespace {

// So many closed connections without a word, and bodies go plain: a server, or what is before it,
// that cannot unpack one says nothing else.
constexpr unsigned kSilencesToPlain = 3;
constexpr uint64_t kAnswerBytesARecord = 4096;
constexpr uint64_t kAnswerBytes = 1 << 20;

// What the run before can have sent unanswered, where it does not say.
constexpr uint64_t kUnknownInFlight = 100'000;

// No name of an index has a '#'.
struct Memory {
  std::string since;
  uint64_t in_flight = kUnknownInFlight;
};

Memory parse_memory(const std::string& text) {
  Memory memory;
  const size_t mark = text.find('#');
  memory.since = text.substr(0, mark);
  if (mark == std::string::npos) return memory;
  memory.in_flight =
      parse_count(std::string_view{text}.substr(mark + 1)).value_or(kUnknownInFlight);
  return memory;
}

class Elasticsearch final : public Destination {
 public:
  Elasticsearch(const ElasticsearchOptions& options, const Memory& before)
      : options_(options),
        before_(before),
        hosts_(options.hosts, options.http),
        doubts_(before.since, options.sent_before ? UINT64_MAX : before.in_flight,
                options.sent_before.value_or(now() + options.http.timeout),
                options.sent_before ? Doubts::kEveryIndex : Doubts::kRecentIndices),
        dedup_(options.dedup),
        query_(kBulkFilter) {
    if (options.compression_level != 0) gzip_.emplace(static_cast<int>(options.compression_level));
  }

  Attempt deliver(std::span<const LedgerLine> lines) override {
    HttpClient& client = hosts_.choose(now());
    doubts_.begin(lines.front().sequence, lines.back().sequence, lines.size());
    const HttpAnswer answer = send(client, lines);
    BulkAnswer judged = judge_bulk(answer, lines.size(), client.shown_url());
    count(answer);
    if (!judged.unknown_parameter.empty()) return drop_parameter(judged);
    if (judged.ambiguous) doubts_.add(lines.back().sequence, now() + options_.http.timeout);
    if (!judged.attempt.outcomes.empty()) settle(client, lines, judged);
    return std::move(judged.attempt);
  }

  std::string memory() const override {
    const uint64_t in_flight = doubts_.is_past_the_run_before()
                                   ? options_.in_flight
                                   : std::max(options_.in_flight, before_.in_flight);
    return doubts_.memory() + "#" + std::to_string(in_flight);
  }

 private:
  HttpAnswer send(HttpClient& client, std::span<const LedgerLine> lines) {
    body_.clear();
    for (const LedgerLine& line : lines) append_bulk(body_, line.text);
    const std::string path = "/" + options_.data_stream + "/_bulk?" + query_;
    return client.send({.method = "POST",
                        .path = path,
                        .body = gzip_ ? gzip_->pack(body_) : std::string_view{body_},
                        .content_type = "application/x-ndjson",
                        .gzip = gzip_.has_value(),
                        .most_answer_bytes = kAnswerBytes + lines.size() * kAnswerBytesARecord});
  }

  void count(const HttpAnswer& answer) {
    silences_ = answer.silent ? silences_ + 1 : 0;
    if (silences_ >= kSilencesToPlain && gzip_) {
      gzip_.reset();
      log_warning(
          "ship to elasticsearch: the server closes the connection without an answer; "
          "bodies go plain from now on (is there a proxy that does not know gzip? "
          "output.elasticsearch.compression_level: 0 says so for good)");
    }
    const bool works = answer.failure.empty() && answer.status < 500;
    works ? hosts_.succeeded() : hosts_.failed(now());
  }

  Attempt drop_parameter(const BulkAnswer& judged) {
    Attempt attempt;
    attempt.next = Attempt::Next::kHold;
    attempt.trouble = "the server does not know the parameter " + judged.unknown_parameter;
    if (judged.unknown_parameter == "filter_path" && !query_.empty()) {
      query_.clear();
      attempt.next = Attempt::Next::kGoOn;
    }
    return attempt;
  }

  // What has to be looked at once more: a doubtful record that may be in another index as well, and
  // an id that is there already, be it by us.
  void settle(HttpClient& client, std::span<const LedgerLine> lines, BulkAnswer& judged) {
    std::vector<size_t> doubtful, there;
    for (size_t i = 0; i < lines.size(); ++i) {
      const Fate fate = judged.attempt.outcomes[i].fate;
      if (fate == Fate::kDuplicate) there.push_back(i);
      if (fate != Fate::kDelivered && fate != Fate::kDuplicate) continue;
      const std::string& index = judged.index_names[judged.indexes[i]];
      if (doubts_.is_doubtful(lines[i].sequence) && !doubts_.is_exact(index)) doubtful.push_back(i);
    }
    if (dedup_ && !there.empty()) compare(client, lines, judged, there);
    std::erase_if(doubtful, [&](size_t i) {
      const Fate fate = judged.attempt.outcomes[i].fate;
      return fate != Fate::kDelivered && fate != Fate::kDuplicate;
    });
    if (dedup_ && !doubtful.empty()) look_elsewhere(client, lines, judged, doubtful);
    for (size_t i = lines.size(); i-- > 0;) {
      if (judged.attempt.outcomes[i].fate != Fate::kDelivered) continue;
      doubts_.took(judged.index_names[judged.indexes[i]]);
      break;
    }
  }

  // Of several copies the oldest stays. A request that is still under way may bring one yet, so
  // until it cannot, a record has no outcome.
  void look_elsewhere(HttpClient& client, std::span<const LedgerLine> lines, BulkAnswer& judged,
                      const std::vector<size_t>& doubtful) {
    const BackingIndices backing = list_backing_indices(client, options_.data_stream);
    if (backing.forbidden) return go_on_without(backing.why);
    doubts_.know(backing.names);
    std::vector<Copy> copies;
    std::vector<size_t> of;
    for (const size_t i : doubtful) {
      const std::string& index = judged.index_names[judged.indexes[i]];
      for (std::string& other : doubts_.elsewhere(index, backing.names)) {
        copies.push_back({std::move(other), id_of(lines[i].text)});
        of.push_back(i);
      }
    }
    // In a stream that has one index there is nowhere else.
    if (backing.why.empty() && copies.empty()) return;
    LookUp there;
    there.why = backing.why;
    if (there.why.empty()) there = look_up(client, copies);
    if (there.forbidden) return go_on_without(there.why);
    std::vector<Copy> surplus;
    std::unordered_set<size_t> doubled;
    for (size_t k = 0; k < there.found.size(); ++k) {
      if (!there.found[k]) continue;
      // The oldest, since they are in that order; the others go, and the one that was made now.
      const bool oldest = doubled.insert(of[k]).second;
      const std::string& now_in = judged.index_names[judged.indexes[of[k]]];
      surplus.push_back({oldest ? now_in : copies[k].index, copies[k].id});
    }
    std::string why = there.why;
    if (why.empty() && !surplus.empty()) why = remove_copies(client, surplus);
    leave_doubtful(judged, doubtful, doubled, why);
  }

  // Those that were found elsewhere are there; the others are once nothing is under way any more.
  void leave_doubtful(BulkAnswer& judged, const std::vector<size_t>& doubtful,
                      const std::unordered_set<size_t>& doubled, const std::string& why) const {
    const TimePoint at = now();
    const bool under_way = at < doubts_.under_way_until();
    for (const size_t i : doubtful) {
      Outcome& outcome = judged.attempt.outcomes[i];
      if (why.empty() && doubled.contains(i)) outcome.fate = Fate::kDuplicate;
      if (!why.empty() || (under_way && !doubled.contains(i))) outcome.fate = Fate::kAgain;
    }
    if (why.empty() && !under_way) return;
    Attempt& attempt = judged.attempt;
    attempt.next = std::max(attempt.next, Attempt::Next::kBackOff);
    attempt.pause = std::max(attempt.pause, doubts_.under_way_until() - at);
    attempt.trouble = "the stream rolled over while nobody knew whether " +
                      std::to_string(doubtful.size()) +
                      " records had arrived; they are looked for in the indices before until that "
                      "is certain" +
                      (why.empty() ? "" : ": " + why);
  }

  // Another document under our id would make ours vanish: said, and kept.
  void compare(HttpClient& client, std::span<const LedgerLine> lines, BulkAnswer& judged,
               const std::vector<size_t>& found) {
    std::vector<Copy> copies;
    copies.reserve(found.size());
    for (const size_t i : found) {
      copies.push_back({judged.index_names[judged.indexes[i]], id_of(lines[i].text)});
    }
    const LookUp there = look_up(client, copies, true);
    if (there.forbidden) return go_on_without(there.why);
    for (size_t k = 0; k < found.size(); ++k) {
      Outcome& outcome = judged.attempt.outcomes[found[k]];
      if (!there.why.empty() || !there.found[k]) {
        outcome.fate = Fate::kAgain;
      } else if (!is_same_record(there.sources[k], lines[found[k]].text)) {
        outcome = {Fate::kRefused, 409, "id_collision",
                   "another document has this id in " + copies[k].index};
      }
    }
    if (there.why.empty()) return;
    judged.attempt.next = std::max(judged.attempt.next, Attempt::Next::kBackOff);
    judged.attempt.trouble = "look up ids that are there already: " + there.why;
  }

  void go_on_without(const std::string& why) {
    dedup_ = false;
    log_warning("ship to elasticsearch: the role may not read the backing indices (" + why +
                "); what is sent twice around a rollover may be there twice (natledger-ship "
                "setup elasticsearch --print-role)");
  }

  const ElasticsearchOptions options_;
  const Memory before_;
  Hosts hosts_;
  Doubts doubts_;
  bool dedup_;
  std::optional<Gzip> gzip_;
  std::string query_;
  std::string body_;
  unsigned silences_ = 0;
};

}  // namespace

std::unique_ptr<Destination> make_elasticsearch(const ElasticsearchOptions& options,
                                                const std::string& memory) {
  return std::make_unique<Elasticsearch>(options, parse_memory(memory));
}

}  // namespace natledger
