// SPDX-License-Identifier: GPL-2.0-or-later
// The answer is the same with indexes and without. Through them it takes three things: what the
// record covers (each index keeps those lines whole), the ends of flows that were there at the time
// (the index names their lines), and the flows that are open still (the newest table of open flows
// names theirs). What is newer than that table is read line by line. Wherever an index does not
// say what it should, or what it names is not there, all is read again without any.
#include "lookup/search.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "ledger/line.h"
#include "ledger/open_table.h"
#include "ledger/reader.h"
#include "ledger/segment_index.h"
#include "ledger/segment_lines.h"

namespace natledger {

namespace {

UniqueFd copy_of(const UniqueFd& fd) {
  return UniqueFd{check_call("duplicate a descriptor", ::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0))};
}

// One segment, with what is known of it.
struct Part {
  SealedSegment sealed;  // of the active one the path it has
  OpenSegment active;    // empty, if it is sealed
  std::optional<SegmentIndex> index;
  std::unique_ptr<PlacedLines> lines;  // opened when one is asked for

  uint64_t first() const { return sealed.first_sequence; }
  OpenSegment open() const {
    if (!active.fd) return open_sealed(sealed);
    return {copy_of(active.fd), active.path, false};
  }
  PlacedLines& placed() {
    if (lines == nullptr) lines = std::make_unique<PlacedLines>(open());
    return *lines;
  }
};

std::vector<Part> parts_of(const std::string& directory) {
  LedgerFiles files = list_ledger(directory);
  std::vector<Part> parts;
  for (SealedSegment& sealed : files.sealed) parts.push_back({std::move(sealed), {}, {}, {}});
  if (!files.active) return parts;
  OpenSegment active{std::move(files.active), files.active_path, false};
  const uint64_t first = PlacedLines{{copy_of(active.fd), active.path, false}}.first_number();
  const std::string path = active.path;
  parts.push_back({{first, path, false}, std::move(active), {}, {}});
  return parts;
}

class Search {
 public:
  Search(const std::string& directory, Inquiry& inquiry)
      : directory_(directory), inquiry_(inquiry), parts_(parts_of(directory)) {}

  // False, or SystemError, when the indexes do not reach. `inquiry` is then of no use any more.
  bool run(const std::function<void(uint64_t)>& progress) {
    if (!find_table()) return false;
    for (size_t i = 0; i <= newest_; ++i) {
      if (!read_kept(i)) return false;
    }
    for (size_t i = newest_; i < parts_.size(); ++i) read_rest(i, progress);
    ask_indexes();
    ask_table();
    for (const std::string& id : inquiry_.beginnings_wanted()) recall_beginning(id);
    return !failed_;
  }

 private:
  bool find_table();
  bool open_index(size_t number);
  bool read_kept(size_t number);
  void read_rest(size_t number, const std::function<void(uint64_t)>& progress);
  void ask_indexes();
  void ask_table();
  void recall_beginning(const std::string& id);
  std::string_view line_of(uint64_t sequence);
  IndexQuestion index_question() const;

  const std::string& directory_;
  Inquiry& inquiry_;
  std::vector<Part> parts_;
  std::optional<OpenTable> table_;
  size_t newest_ = 0;  // the part that the table is behind
  bool failed_ = false;
};

// The newest that goes with its index.
bool Search::find_table() {
  for (newest_ = parts_.size(); newest_-- > 0;) {
    const uint64_t first = parts_[newest_].first();
    table_ = open_good<OpenTable>(open_table_path(directory_, first));
    if (!table_) continue;
    parts_[newest_].index = open_good<SegmentIndex>(index_path(directory_, first));
    if (!parts_[newest_].index) continue;
    const IndexHeader& index = parts_[newest_].index->header();
    const OpenHeader& table = table_->header();
    if (index.last == table.last && index.bytes == table.bytes) return true;
  }
  return false;
}

// Whether there is an index of all of the segment, or of as much as the table knows of the newest.
bool Search::open_index(size_t number) {
  Part& part = parts_[number];
  if (!part.index) part.index = SegmentIndex::open(index_path(directory_, part.first()));
  if (!part.index) return false;
  const IndexHeader& header = part.index->header();
  const bool newest = number == newest_;
  if (header.first != 0 && header.first != part.first()) return false;
  if (part.sealed.archived) return header.whole;
  const OpenSegment open = part.open();
  if (!open.fd) return false;
  if (open.archived) return header.whole;
  const uint64_t bytes = file_bytes(open.fd.get(), open.path);
  return header.whole ? bytes == header.bytes : newest && bytes >= header.bytes;
}

bool Search::read_kept(size_t number) {
  if (!open_index(number)) return false;
  SegmentIndex& index = *parts_[number].index;
  inquiry_.begins_with(index.header().first);
  for (const KeptLine& line : index.kept_lines()) {
    inquiry_.pass(line.before);
    inquiry_.read_kept(line.text, line.sequence);
  }
  inquiry_.pass(index.header().rest);
  return true;
}

// Behind what its index knows.
void Search::read_rest(size_t number, const std::function<void(uint64_t)>& progress) {
  const Part& part = parts_[number];
  const uint64_t from = part.index ? part.index->header().bytes : 0;
  if (part.index && part.index->header().whole) return;
  OpenSegment open = part.open();
  if (!open.fd) return;  // taken away meanwhile, which its numbers tell
  if (!open.archived && ::lseek(open.fd.get(), static_cast<off_t>(from), SEEK_SET) < 0) {
    throw SystemError("read " + open.path, errno);
  }
  if (open.archived && from != 0) {
    failed_ = true;
    return;
  }
  SegmentLines lines{SegmentStream{std::move(open)}, from};
  SegmentLine line;
  while (lines.next(line)) {
    inquiry_.read(line.text, line.sequence);
    progress(line.sequence);
  }
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
  for (size_t i = 0; i <= newest_; ++i) {
    places.clear();
    parts_[i].index->find(question, places);
    // In the order of the file, so that no part of an archive is read twice.
    std::sort(places.begin(), places.end());
    places.erase(std::unique(places.begin(), places.end()), places.end());
    for (const uint32_t place : places) {
      const std::string_view line = parts_[i].placed().line_at(uint64_t{place} * kPlaceUnit);
      if (line.empty()) failed_ = true;
      inquiry_.recall(line);
    }
  }
}

void Search::ask_table() {
  std::vector<uint64_t> sequences;
  table_->find(index_question(), sequences);
  std::sort(sequences.begin(), sequences.end());
  sequences.erase(std::unique(sequences.begin(), sequences.end()), sequences.end());
  // What retention has taken nobody can read.
  const uint64_t oldest = parts_.front().first();
  for (const uint64_t sequence : sequences) {
    if (sequence < oldest) continue;
    const std::string_view line = line_of(sequence);
    if (!line.empty()) inquiry_.recall(line);
  }
}

void Search::recall_beginning(const std::string& id) {
  uint64_t sequence = 0;
  const size_t digits = id.rfind('-') + 1;  // 0 where there is no dash
  std::from_chars(id.data() + digits, id.data() + id.size(), sequence);
  const std::string_view line = line_of(sequence);
  if (id_of(line) == id) inquiry_.recall(line);
}

// The line of that number, if an index knows where it is; nothing where it is missing.
std::string_view Search::line_of(uint64_t sequence) {
  const auto behind = std::upper_bound(
      parts_.begin(), parts_.begin() + static_cast<ptrdiff_t>(newest_) + 1, sequence,
      [](uint64_t number, const Part& part) { return number < part.first(); });
  if (behind == parts_.begin()) return {};
  Part& part = *(behind - 1);
  if (sequence > part.index->header().last) return {};
  const SegmentIndex::Region region = part.index->region_of(sequence);
  return part.placed().line_of(sequence, region.from, region.to);
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
