// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/audit.h"

#include <map>
#include <unordered_set>

#include <rapidjson/document.h>
#include <rapidjson/pointer.h>

#include "base/error.h"
#include "ledger/cursor.h"
#include "ledger/line.h"
#include "ledger/reader.h"
#include "ship/copies.h"
#include "ship/dead_letters.h"
#include "ship/hosts.h"
#include "ship/parts.h"
#include "ship/query.h"

namespace natledger {

namespace {

// A search answers with so many different numbers at most.
constexpr uint64_t kWindow = 10'000;

void extend(NumberRanges& ranges, uint64_t number) {
  if (!ranges.empty() && ranges.back().second + 1 == number) {
    ranges.back().second = number;
  } else {
    ranges.emplace_back(number, number);
  }
}

// Lines whose numbers are near each other, as number and id.
struct Window {
  uint64_t first = 0;
  // By "<ledger id>-<epoch>-": a number may be there of another run too.
  std::map<std::string, std::vector<std::pair<uint64_t, std::string>>> lines;
};

class Auditor {
 public:
  Auditor(const LedgerOptions& ledger, const Output& output, const ElasticsearchOptions& server)
      : output_(output),
        server_(server),
        hosts_(server.hosts, server.http),
        dead_(dead_numbers(ledger.state, output.options.name)) {
    const BackingIndices backing = list_backing_indices(ask_, server.data_stream);
    refuse(backing.why, "list the indices of " + server.data_stream);
    indices_ = backing.names;
    // An alias, or an index.
    if (indices_.empty()) indices_.push_back(server.data_stream);
    // Where the role may not, more records are looked up.
    hosts_.ask({.method = "POST", .path = "/" + server.data_stream + "/_refresh"});
  }

  void take(const LedgerLine& line) {
    if (report_.first == 0) report_.first = line.sequence;
    report_.last = line.sequence;
    if (!output_.options.selects(line.text)) return;
    ++report_.records;
    if (dead_.contains(line.sequence)) {
      ++report_.dead;
      return;
    }
    const std::string_view id = id_of(line.text);
    if (line.sequence >= window_.first + kWindow) compare();
    if (window_.lines.empty()) window_.first = line.sequence;
    window_.lines[std::string{id.substr(0, id.rfind('-') + 1)}].emplace_back(line.sequence, id);
  }

  AuditReport finish() {
    compare();
    return std::move(report_);
  }

 private:
  using Counts = std::map<uint64_t, uint64_t>;

  void refuse(const std::string& why, const std::string& attempt) const {
    if (why.empty()) return;
    throw SystemError(attempt + " at " + hosts_.shown_url() + ": " + why +
                      " (natledger-ship setup elasticsearch --print-role has the rights needed)");
  }

  void compare() {
    Counts copies;
    for (const auto& [prefix, lines] : window_.lines) {
      Counts counts;
      by_parts(std::span<const std::string>{indices_}, kIndicesInAPath,
               [&](std::span<const std::string> some) { count(some, prefix, counts); });
      look_again(lines, counts);
      for (const auto& [number, id] : lines) copies[number] = counts[number];
    }
    for (const auto& [number, found] : copies) {
      if (found == 0) extend(report_.missing, number);
      if (found == 1) ++report_.once;
      if (found > 1) extend(report_.doubled, number);
    }
    window_.lines.clear();
  }

  // How many documents of each number there are, of this ledger.
  void count(std::span<const std::string> indices, const std::string& id_prefix, Counts& counts) {
    const std::string body = R"({"size":0,"query":)" +
                             all_of({compares("event.sequence", "gte", window_.first),
                                     compares("event.sequence", "lt", window_.first + kWindow),
                                     begins_with("event.id", id_prefix)}) +
                             R"(,"aggs":{"numbers":{"composite":{"size":)" +
                             std::to_string(kWindow) +
                             R"(,"sources":[{"number":{"terms":{"field":"event.sequence"}}}]}}}})";
    const HttpAnswer answer =
        hosts_.ask({.method = "POST", .path = path_of(indices) + "/_search", .body = body});
    const std::string attempt = "count the records of " + server_.data_stream;
    refuse(answer.failure, attempt);
    if (answer.status != 200) refuse("status " + std::to_string(answer.status), attempt);
    rapidjson::Document parsed;
    parsed.Parse<rapidjson::kParseIterativeFlag>(answer.body.data(), answer.body.size());
    const rapidjson::Value* buckets =
        parsed.HasParseError() ? nullptr : rapidjson::GetValueByPointer(parsed, kBuckets);
    const rapidjson::Value* failed =
        parsed.HasParseError() ? nullptr : rapidjson::GetValueByPointer(parsed, kFailedShards);
    if (buckets == nullptr || !buckets->IsArray() || failed == nullptr || failed->GetInt() != 0) {
      refuse("the answer is none for all shards", attempt);
    }
    for (const rapidjson::Value& bucket : buckets->GetArray()) {
      counts[bucket["key"]["number"].GetUint64()] += bucket["doc_count"].GetUint64();
    }
  }

  // A search does not know of the last seconds, a look-up does: where the one finds none or
  // several, the other counts.
  void look_again(std::span<const std::pair<uint64_t, std::string>> lines, Counts& counts) {
    std::vector<Copy> copies;
    std::vector<uint64_t> numbers;
    for (const auto& [number, id] : lines) {
      if (counts[number] == 1) continue;
      counts[number] = 0;
      for (const std::string& index : indices_) {
        copies.push_back({index, id});
        numbers.push_back(number);
      }
    }
    if (copies.empty()) return;
    const LookUp found = look_up(ask_, copies);
    refuse(found.why, "look up records in " + server_.data_stream);
    for (size_t i = 0; i < copies.size(); ++i) {
      if (found.found[i]) ++counts[numbers[i]];
    }
  }

  static inline const rapidjson::Pointer kBuckets{"/aggregations/numbers/buckets"};
  static inline const rapidjson::Pointer kFailedShards{"/_shards/failed"};

  const Output& output_;
  const ElasticsearchOptions& server_;
  Hosts hosts_;
  const Ask ask_ = [this](const HttpRequest& request) { return hosts_.ask(request); };
  const std::unordered_set<uint64_t> dead_;
  std::vector<std::string> indices_;
  Window window_;
  AuditReport report_;
};

std::string ranges_text(const NumberRanges& ranges) {
  std::string text;
  for (const auto& [first, last] : ranges) {
    text += (text.empty() ? "" : ", ") + std::to_string(first);
    if (last != first) text += " to " + std::to_string(last);
  }
  return text;
}

std::string ranges_json(const NumberRanges& ranges) {
  std::string text;
  for (const auto& [first, last] : ranges) {
    text +=
        (text.empty() ? "[" : ", [") + std::to_string(first) + ", " + std::to_string(last) + "]";
  }
  return "[" + text + "]";
}

}  // namespace

AuditReport audit(const LedgerOptions& ledger, const Output& output,
                  const ElasticsearchOptions& server, const ShowProgress& progress) {
  const uint64_t next = next_to_ship(ledger.state, output.options.name);
  Auditor auditor{ledger, output, server};
  LedgerReader reader{ledger.directory};
  for (LedgerLine line; reader.next(line) && line.sequence < next;) {
    auditor.take(line);
    progress(line.sequence, next);
  }
  for (const Damage& damage : reader.take_damages()) {
    throw SystemError("read " + damage.path + ": " + damage.what + " (restore the file)");
  }
  return auditor.finish();
}

std::string audit_text(const AuditReport& report) {
  std::string text = "lines " + std::to_string(report.first) + " to " +
                     std::to_string(report.last) + ": " + std::to_string(report.records) +
                     " records to be there, " + std::to_string(report.once) + " are once, " +
                     std::to_string(report.dead) + " are dead letters\n";
  if (!report.missing.empty()) text += "missing: " + ranges_text(report.missing) + "\n";
  if (!report.doubled.empty()) text += "more than once: " + ranges_text(report.doubled) + "\n";
  return text;
}

std::string audit_json(const AuditReport& report) {
  return "{\"first\": " + std::to_string(report.first) +
         ", \"last\": " + std::to_string(report.last) +
         ", \"records\": " + std::to_string(report.records) +
         ", \"once\": " + std::to_string(report.once) +
         ", \"dead_lettered\": " + std::to_string(report.dead) +
         ", \"missing\": " + ranges_json(report.missing) +
         ", \"doubled\": " + ranges_json(report.doubled) +
         ", \"whole\": " + (report.is_whole() ? "true" : "false") + "}\n";
}

}  // namespace natledger
