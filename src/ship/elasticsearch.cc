// SPDX-License-Identifier: GPL-2.0-or-later
// At least once on the wire, once in the index: the id of a document is that of its record. What is
// hard is a stream that rolls over between a record and its repetition; see doubts.h.
#include "ship/elasticsearch.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "ledger/cursor.h"
#include "ledger/line.h"
#include "ship/bulk.h"
#include "ship/copies.h"
#include "ship/doubts.h"
#include "ship/earlier_records.h"
#include "ship/gzip.h"
#include "ship/hosts.h"

namespace natledger {

namespace {

// So many closed connections without a word, and bodies go plain: a server, or what is before it,
// that cannot unpack one says nothing else.
constexpr unsigned kSilencesToPlain = 3;
constexpr const char* kRemedy =
    " (look at the server; with output.elasticsearch.dedup: false nothing is looked up)";
constexpr uint64_t kAnswerBytesARecord = 4096;
constexpr uint64_t kAnswerBytes = 1 << 20;

// For waits: a clock that is set makes none of them longer or shorter.
TimePoint steady_now() {
  return {Duration{std::chrono::steady_clock::now().time_since_epoch()}.count()};
}

// A first run begins behind whatever the stream has; a memory that is gone leaves nothing certain.
Doubts doubts_of(const ElasticsearchOptions& options, const Past& past) {
  const Duration longest = options.http.timeout;
  if (options.sent_before) {
    const Duration left = std::clamp(*options.sent_before - now(), Duration{}, longest);
    return {Doubts::kAnyIndex, UINT64_MAX, steady_now() + left};
  }
  std::string since = past.memory;
  if (since.empty()) since = past.is_first_run ? Doubts::kRecentIndex : Doubts::kAnyIndex;
  return {std::move(since), past.is_first_run ? 0 : past.up_to, steady_now() + longest};
}

class Elasticsearch final : public Destination {
 public:
  Elasticsearch(const ElasticsearchOptions& options, const Past& past)
      : options_(options),
        hosts_(options.hosts, options.http),
        doubts_(doubts_of(options, past)),
        dedup_(options.dedup),
        unsure_up_to_(past.is_first_run ? past.up_to : 0),
        query_(kBulkFilter) {
    if (options.compression_level != 0) gzip_.emplace(static_cast<int>(options.compression_level));
  }

  Attempt deliver(std::span<const LedgerLine> lines) override {
    body_.clear();
    for (const LedgerLine& line : lines) {
      if (!append_bulk(body_, line.text)) return find_damaged();
    }
    HttpClient& client = hosts_.choose(steady_now());
    const Ask ask = [&client](const HttpRequest& request) { return client.send(request); };
    const uint64_t first = lines.front().sequence;
    if (dedup_ && unsure_up_to_ != 0) find_earlier(ask, id_of(lines.front().text));
    doubts_.begin(first);
    const HttpAnswer answer = send(client, lines.size());
    BulkAnswer judged = judge_bulk(answer, lines.size(), client.shown_url());
    count(answer, judged);
    if (!judged.unknown_parameter.empty()) return drop_parameter(judged);
    // It answers now, and did not say.
    if (unsure_up_to_ != 0 && !judged.attempt.outcomes.empty()) doubt_all();
    const size_t last = last_taken(judged);
    settle(ask, lines, judged);
    // Behind settle(): this answer casts no doubt on the records that it is certain of.
    if (judged.ambiguous) {
      doubts_.add(first, lines.back().sequence, steady_now() + options_.http.timeout);
    }
    if (last != judged.attempt.outcomes.size()) doubts_.took(index_of(judged, last));
    return std::move(judged.attempt);
  }

  // What a server calls an index; where that is none, nobody knows.
  std::string memory() const override {
    const std::string& index = doubts_.memory();
    const bool is_word = std::ranges::all_of(index, [](unsigned char c) { return c > ' '; });
    return is_word && index.size() <= Cursor::kMostMemory ? index : std::string{};
  }

 private:
  static Attempt find_damaged() {
    Attempt attempt;
    attempt.next = Attempt::Next::kSmaller;
    attempt.whole = {Fate::kRefused, 0, "no_id", "the line is damaged: it has no event.id"};
    return attempt;
  }

  // Whether a first run is one, before it sends anything: a state that was put back from before the
  // destination was configured looks like it.
  void find_earlier(const Ask& ask, std::string_view id) {
    const std::string prefix{id.substr(0, id.find('-') + 1)};
    const EarlierRecords earlier = find_earlier_records(ask, options_.data_stream, prefix);
    if (earlier.forbidden) return go_on_without(earlier.why);
    if (!earlier.there) return;
    if (*earlier.there) return doubt_all();
    unsure_up_to_ = 0;
  }

  void doubt_all() {
    doubts_ = {Doubts::kAnyIndex, unsure_up_to_, steady_now() + options_.http.timeout};
    unsure_up_to_ = 0;
  }

  HttpAnswer send(HttpClient& client, size_t records) {
    const std::string path = "/" + options_.data_stream + "/_bulk?" + query_;
    return client.send({.method = "POST",
                        .path = path,
                        .body = gzip_ ? gzip_->pack(body_) : std::string_view{body_},
                        .content_type = "application/x-ndjson",
                        .gzip = gzip_.has_value(),
                        .most_answer_bytes = kAnswerBytes + records * kAnswerBytesARecord});
  }

  void count(const HttpAnswer& answer, const BulkAnswer& judged) {
    silences_ = answer.silent ? silences_ + 1 : 0;
    if (silences_ >= kSilencesToPlain && gzip_) {
      gzip_.reset();
      log_warning(
          "ship to elasticsearch: the server closes the connection without an answer; "
          "bodies go plain from now on (is there a proxy that does not know gzip? "
          "output.elasticsearch.compression_level: 0 says so for good)");
    }
    const bool is_rubbish = judged.ambiguous && judged.attempt.outcomes.empty();
    const bool works = answer.failure.empty() && answer.status < 500 && !is_rubbish;
    works ? hosts_.succeeded() : hosts_.failed(steady_now());
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
  void settle(const Ask& ask, std::span<const LedgerLine> lines, BulkAnswer& judged) {
    std::vector<size_t> doubtful, there;
    for (size_t i = 0; i < judged.attempt.outcomes.size(); ++i) {
      const Fate fate = judged.attempt.outcomes[i].fate;
      if (fate == Fate::kDuplicate) there.push_back(i);
      if (fate != Fate::kDelivered && fate != Fate::kDuplicate) continue;
      if (doubts_.about(lines[i].sequence, index_of(judged, i))) doubtful.push_back(i);
    }
    if (dedup_ && !there.empty()) compare(ask, lines, judged, there);
    std::erase_if(doubtful, [&](size_t i) {
      const Fate fate = judged.attempt.outcomes[i].fate;
      return fate != Fate::kDelivered && fate != Fate::kDuplicate;
    });
    if (dedup_ && !doubtful.empty()) look_elsewhere(ask, lines, judged, doubtful);
  }

  static const std::string& index_of(const BulkAnswer& judged, size_t i) {
    return judged.index_names[judged.indexes[i]];
  }

  // The last record that is in the index which takes records now; else how many there are.
  static size_t last_taken(const BulkAnswer& judged) {
    const auto& outcomes = judged.attempt.outcomes;
    for (size_t i = outcomes.size(); i-- > 0;) {
      if (outcomes[i].fate == Fate::kDelivered || outcomes[i].fate == Fate::kDuplicate) return i;
    }
    return outcomes.size();
  }

  // A record that is in an index, and may be in another as well.
  struct Doubtful {
    size_t at;  // in the batch
    Doubts::Doubt doubt;
    bool there = false;  // it is

    TimePoint until() const { return there ? doubt.until_removable : doubt.until; }
  };

  // Of several copies the oldest stays. A request that is still under way may bring one yet, so
  // until it cannot, a record has no outcome; nor is a copy removed in whose place one would come.
  void look_elsewhere(const Ask& ask, std::span<const LedgerLine> lines, BulkAnswer& judged,
                      std::span<const size_t> doubtful) {
    BackingIndices backing = list_backing_indices(ask, options_.data_stream);
    if (backing.forbidden) return go_on_without(backing.why);
    if (backing.why.empty() && backing.names.empty()) backing.why = "no index of it is listed";
    doubts_.know(backing.names);
    std::vector<Doubtful> all;
    std::vector<Copy> copies;
    std::vector<size_t> of;
    for (const size_t i : doubtful) {
      const std::string& index = index_of(judged, i);
      const auto doubt = doubts_.about(lines[i].sequence, index);
      if (!doubt) continue;
      for (std::string& other : indices_since(doubt->since, index, backing.names)) {
        copies.push_back({std::move(other), id_of(lines[i].text)});
        of.push_back(all.size());
      }
      all.push_back({i, *doubt});
    }
    // In a stream that has one index there is nowhere else.
    if (backing.why.empty() && copies.empty()) return;
    const TimePoint now = steady_now();
    LookUp look;
    look.why = backing.why;
    if (look.why.empty()) look = look_up(ask, copies);
    if (look.forbidden) return go_on_without(look.why);
    std::vector<Copy> surplus;
    for (size_t k = 0; k < look.found.size(); ++k) {
      if (!look.found[k]) continue;
      Doubtful& one = all[of[k]];
      // The oldest, since they are in that order; the others go, and the one that was made now.
      const bool oldest = !std::exchange(one.there, true);
      if (now < one.until()) continue;
      surplus.push_back({oldest ? index_of(judged, one.at) : copies[k].index, copies[k].id});
    }
    std::string why = look.why;
    if (why.empty() && !surplus.empty()) why = remove_copies(ask, surplus);
    leave_doubtful(judged.attempt, all, now, why);
  }

  // Those of which nothing is under way any more at `now` are certain; none, where nobody could
  // look.
  static void leave_doubtful(Attempt& attempt, std::span<const Doubtful> all, TimePoint now,
                             const std::string& why) {
    size_t left = 0;
    Duration pause = Duration::max();
    for (const Doubtful& one : all) {
      if (why.empty() && one.until() <= now) {
        if (one.there) attempt.outcomes[one.at].fate = Fate::kDuplicate;
        continue;
      }
      attempt.outcomes[one.at].fate = Fate::kAgain;
      ++left;
      pause = std::min(pause, std::max(one.until() - now, Duration{}));
    }
    if (left == 0) return;
    attempt.next = std::max(attempt.next, Attempt::Next::kBackOff);
    attempt.pause = std::max(attempt.pause, pause);
    attempt.trouble = "the stream rolled over while nobody knew whether " + std::to_string(left) +
                      " records had arrived; they are looked for in the indices before until that "
                      "is certain" +
                      (why.empty() ? "" : ": " + why + kRemedy);
  }

  // Another document under our id would make ours vanish: said, and kept.
  void compare(const Ask& ask, std::span<const LedgerLine> lines, BulkAnswer& judged,
               const std::vector<size_t>& found) {
    std::vector<Copy> copies;
    copies.reserve(found.size());
    for (const size_t i : found) {
      copies.push_back({judged.index_names[judged.indexes[i]], id_of(lines[i].text)});
    }
    const LookUp there = look_up(ask, copies, true);
    if (there.forbidden) return go_on_without(there.why);
    std::string why = there.why;
    for (size_t k = 0; k < found.size(); ++k) {
      Outcome& outcome = judged.attempt.outcomes[found[k]];
      if (!there.why.empty() || !there.found[k]) {
        outcome.fate = Fate::kAgain;
        if (why.empty()) why = "one is not found";
      } else if (!is_same_record(there.sources[k], lines[found[k]].text)) {
        outcome = {Fate::kRefused, 409, "id_collision",
                   "another document has this id in " + copies[k].index};
      }
    }
    if (why.empty()) return;
    judged.attempt.next = std::max(judged.attempt.next, Attempt::Next::kBackOff);
    judged.attempt.trouble = "look up ids that are there already: " + why + kRemedy;
  }

  void go_on_without(const std::string& why) {
    dedup_ = false;
    log_warning("ship to elasticsearch: the role may not read the backing indices (" + why +
                "); what is sent twice around a rollover may be there twice (natledger-ship "
                "setup elasticsearch --print-role)");
  }

  const ElasticsearchOptions options_;
  Hosts hosts_;
  Doubts doubts_;
  bool dedup_;
  uint64_t unsure_up_to_;  // 0: it is known what was sent before
  std::optional<Gzip> gzip_;
  std::string query_;
  std::string body_;
  unsigned silences_ = 0;
};

}  // namespace

std::unique_ptr<Destination> make_elasticsearch(const ElasticsearchOptions& options,
                                                const Past& past) {
  return std::make_unique<Elasticsearch>(options, past);
}

}  // namespace natledger
