// SPDX-License-Identifier: GPL-2.0-or-later
// The answer is the same with indexes and without. Through them it takes three things: what the
// record covers (each index keeps those lines whole), the ends of flows that were there at the time
// (the index names their lines), and the flows that are open still (the newest table of open flows
// names theirs). What is newer than that table is read line by line. Wherever an index does not
// say what it should, or what it names is not there, all is read again without any.
#include "lookup/search.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "ledger/indexed_ledger.h"
#include "ledger/line.h"
#include "ledger/reader.h"

namespace natledger {

namespace {

class Search {
 public:
  Search(const std::string& directory, Inquiry& inquiry) : inquiry_(inquiry), ledger_(directory) {}

  // False, or SystemError, when the indexes do not reach. `inquiry` is then of no use any more.
  bool run(const std::function<void(uint64_t)>& progress) {
    if (!ledger_.find_table()) return false;
    for (size_t i = 0; i <= ledger_.newest(); ++i) {
      if (!read_kept(i)) return false;
    }
    for (size_t i = ledger_.newest(); i < ledger_.segments().size(); ++i) {
      const bool read = ledger_.read_rest(i, [&](const SegmentLine& line) {
        inquiry_.read(line.text, line.sequence);
        progress(line.sequence);
      });
      if (!read) return false;
    }
    ask_indexes();
    ask_table();
    for (const std::string& id : inquiry_.beginnings_wanted()) recall_beginning(id);
    return !failed_;
  }

 private:
  bool read_kept(size_t number);
  void ask_indexes();
  void ask_table();
  void recall_beginning(const std::string& id);
  IndexQuestion index_question() const;

  Inquiry& inquiry_;
  IndexedLedger ledger_;
  bool failed_ = false;
};

bool Search::read_kept(size_t number) {
  if (!ledger_.open_index(number)) return false;
  std::optional<SegmentIndex>& index = ledger_.segments()[number].index;
  if (!index) return false;
  inquiry_.begins_with(index->header().first);
  for (const KeptLine& line : index->kept_lines()) {
    inquiry_.pass(line.before);
    inquiry_.read_kept(line.text, line.sequence);
  }
  inquiry_.pass(index->header().rest);
  return true;
}

IndexQuestion Search::index_question() const {
  const Question& asked = inquiry_.question();
  const TimeRange range = inquiry_.range();
  IndexQuestion question{asked.address, asked.protocol, {}, range.from, range.to};
  if (asked.remote) question.remote = asked.remote->address;
  return question;
}

void Search::ask_indexes() {
  const IndexQuestion question = index_question();
  std::vector<uint32_t> places;
  for (size_t i = 0; i <= ledger_.newest(); ++i) {
    IndexedSegment& segment = ledger_.segments()[i];
    places.clear();
    segment.index->find(question, places);
    // In the order of the file, so that no part of an archive is read twice.
    std::sort(places.begin(), places.end());
    places.erase(std::unique(places.begin(), places.end()), places.end());
    for (const uint32_t place : places) {
      const std::string_view line = segment.placed().line_at(uint64_t{place} * kPlaceUnit);
      if (line.empty()) failed_ = true;
      inquiry_.recall(line);
    }
  }
}

void Search::ask_table() {
  std::vector<uint64_t> sequences;
  if (auto& table = ledger_.table()) table->find(index_question(), sequences);
  std::sort(sequences.begin(), sequences.end());
  sequences.erase(std::unique(sequences.begin(), sequences.end()), sequences.end());
  // What retention has taken nobody can read.
  const uint64_t oldest = ledger_.segments().front().first();
  for (const uint64_t sequence : sequences) {
    if (sequence < oldest) continue;
    const std::string_view line = ledger_.line_of(sequence);
    // Damaged since: it may have named another host.
    if (line.empty()) failed_ = true;
    inquiry_.recall(line);
  }
}

void Search::recall_beginning(const std::string& id) {
  uint64_t sequence = 0;
  const size_t digits = id.rfind('-') + 1;  // 0 where there is no dash
  std::from_chars(id.data() + digits, id.data() + id.size(), sequence);
  const std::string_view line = ledger_.line_of(sequence);
  if (id_of(line) == id) inquiry_.recall(line);
}

}  // namespace

std::optional<Answer> ask_by_index(const Asking& asking, const Question& question) {
  Inquiry inquiry{question};
  if (!Search{asking.directory, inquiry}.run(asking.progress)) return {};
  return inquiry.answer(asking.covered_to, asking.asked_at);
}

Answer ask_line_by_line(const Asking& asking, const Question& question) {
  LedgerReader reader{asking.directory};
  Inquiry inquiry{question};
  LedgerLine line;
  while (reader.next(line)) {
    inquiry.read(line.text, line.sequence);
    asking.progress(line.sequence);
  }
  return inquiry.answer(asking.covered_to, asking.asked_at);
}

Answer ask_ledger(const Asking& asking, const Question& question) {
  try {
    if (auto answer = ask_by_index(asking, question)) return std::move(*answer);
  } catch (const SystemError&) {
    // Damage, or something was taken away meanwhile: the lines themselves decide, or say so.
  }
  return ask_line_by_line(asking, question);
}

}  // namespace natledger
