// SPDX-License-Identifier: GPL-2.0-or-later
#include "ledger/indexer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "ledger/segment_index.h"
#include "ledger/segment_lines.h"

namespace natledger {

namespace {

constexpr uint64_t kAskEachLines = 1000;
constexpr size_t kTablesKept = 2;  // should the newest be damaged

bool agree(const IndexHeader& index, const OpenHeader& table) {
  return index.first == table.first && index.last == table.last && index.bytes == table.bytes;
}

// The segments beside which a directory has files that end so, oldest first.
std::vector<uint64_t> names_with(const std::string& directory, std::string_view end) {
  constexpr std::string_view kStart = "conntrack-";
  std::vector<uint64_t> found;
  std::error_code error;
  std::filesystem::directory_iterator entry{directory, error};
  for (; !error && entry != std::filesystem::directory_iterator{}; entry.increment(error)) {
    const std::string name = entry->path().filename();
    if (!name.starts_with(kStart) || !name.ends_with(end)) continue;
    uint64_t first = 0;
    std::from_chars(name.data() + kStart.size(), name.data() + name.size() - end.size(), first);
    const std::string path =
        end == kIndexEnd ? index_path(directory, first) : open_table_path(directory, first);
    if (std::string_view{path}.substr(directory.size() + 1) == name) found.push_back(first);
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

Indexer::Indexer(std::string directory, ReadFacts read, uint64_t active_step_bytes)
    : directory_(std::move(directory)),
      read_(std::move(read)),
      active_step_bytes_(active_step_bytes) {}

bool Indexer::index_next(const std::function<bool()>& go_on) {
  const std::vector<SealedSegment> sealed = list_sealed(directory_);
  remove_idle(sealed);
  size_t with_table = sealed.size();  // how many, up to the newest table
  while (with_table > 0 && !has_table(sealed[with_table - 1].first_sequence)) --with_table;
  for (size_t i = 0; i < sealed.size(); ++i) {
    if (i < with_table && is_indexed(sealed[i])) continue;
    OpenSegment open = open_sealed(sealed[i]);
    if (!open.fd) continue;  // taken away meanwhile
    return make({.first = sealed[i].first_sequence,
                 .segment = std::move(open),
                 .with_table = i >= with_table,
                 .before = i == 0 ? nullptr : &sealed[i - 1]},
                go_on);
  }
  return index_active(sealed.empty() ? nullptr : &sealed.back(), go_on);
}

bool Indexer::is_indexed(const SealedSegment& sealed) {
  if (indexed_.count(sealed.first_sequence) != 0) return true;
  const auto index = open_good<SegmentIndex>(index_path(directory_, sealed.first_sequence));
  if (!index || !index->header().whole) return false;
  indexed_.insert(sealed.first_sequence);
  return true;
}

// Of the whole segment.
bool Indexer::has_table(uint64_t first) const {
  const auto index = open_good<SegmentIndex>(index_path(directory_, first));
  const auto table = open_good<OpenTable>(open_table_path(directory_, first));
  return index && table && index->header().whole && agree(index->header(), table->header());
}

bool Indexer::index_active(const SealedSegment* before, const std::function<bool()>& go_on) {
  OpenSegment active{open_segment(directory_ + "/" + std::string{kActiveName}),
                     directory_ + "/" + std::string{kActiveName}, false};
  if (!active.fd) return false;
  const uint64_t bytes = file_bytes(active.fd.get(), active.path);
  if (bytes < active_step_bytes_) return false;
  const uint64_t first = PlacedLines{{duplicate(active.fd), active.path, false}}.first_number();
  // Sealed since the others were listed.
  if (first == 0 || (before != nullptr && first <= before->first_sequence)) return false;
  const auto index = open_good<SegmentIndex>(index_path(directory_, first));
  if (index && index->header().bytes + active_step_bytes_ > bytes) return false;
  // An index must not know lines that a power cut takes away.
  check_call("sync " + active.path, ::fdatasync(active.fd.get()));
  return make({.first = first, .segment = std::move(active), .whole = false, .before = before},
              go_on);
}

// What was open before the lines that are to be read, from `from` on. Throws SystemError when what
// is there is damaged; it is then removed.
std::vector<OpenEntry> Indexer::go_on_from(const Job& job, IndexBuilder& builder,
                                           uint64_t& from) const {
  const auto index = index_path(directory_, job.first);
  std::string table = open_table_path(directory_, job.first);
  try {
    auto begun = open_good<SegmentIndex>(index);
    auto open = open_good<OpenTable>(table);
    if (job.with_table && begun && open && !job.segment.archived &&
        agree(begun->header(), open->header()) &&
        begun->header().bytes <= file_bytes(job.segment.fd.get(), job.segment.path)) {
      builder.go_on_from(*begun);
      from = begun->header().bytes;
      return open->entries();
    }
    if (!job.with_table || job.before == nullptr) return {};
    table = open_table_path(directory_, job.before->first_sequence);
    auto before = OpenTable::open(table);
    if (!before) throw SystemError("read " + table + ": it has gone");
    return before->entries();
  } catch (const SystemError&) {
    ::unlink(index.c_str());
    ::unlink(table.c_str());
    throw;
  }
}

bool Indexer::make(Job job, const std::function<bool()>& go_on) {
  IndexBuilder builder{read_};
  uint64_t from = 0;
  const std::vector<OpenEntry> open = go_on_from(job, builder, from);
  const std::string path = job.segment.path;
  const UniqueFd like = duplicate(job.segment.fd);
  const off_t sought = ::lseek(like.get(), static_cast<off_t>(from), SEEK_SET);
  if (sought < 0) throw SystemError("read " + path, errno);
  SegmentLines lines{SegmentStream{std::move(job.segment)}, from};
  SegmentLine line;
  for (uint64_t i = 0; lines.next(line); ++i) {
    if (i % kAskEachLines == 0 && !go_on()) return false;
    builder.add(line);
    if (!builder.refusal().empty()) throw SystemError("index " + path + ": " + builder.refusal());
  }
  const uint64_t bytes = job.whole ? lines.end() : lines.place();
  if (job.with_table) {
    replace_file(open_table_path(directory_, job.first), builder.open_table_bytes(bytes, open),
                 like.get());
  }
  replace_file(index_path(directory_, job.first), builder.index_bytes(bytes, job.whole),
               like.get());
  return true;
}

// Tables of open flows that newer ones stand for, and what is beside segments that have gone.
void Indexer::remove_idle(const std::vector<SealedSegment>& sealed) const {
  const uint64_t oldest = sealed.empty() ? 0 : sealed.front().first_sequence;
  std::vector<uint64_t> tables = names_with(directory_, kOpenEnd);
  for (size_t i = 0; i < tables.size(); ++i) {
    if (i + kTablesKept < tables.size() || tables[i] < oldest) {
      ::unlink(open_table_path(directory_, tables[i]).c_str());
    }
  }
  for (const uint64_t first : names_with(directory_, kIndexEnd)) {
    if (first < oldest) ::unlink(index_path(directory_, first).c_str());
  }
}

std::string Indexer::check_one() {
  const std::vector<SealedSegment> sealed = list_sealed(directory_);
  auto next = std::find_if(sealed.begin(), sealed.end(), [this](const SealedSegment& one) {
    return one.first_sequence > checked_;
  });
  checked_ = next == sealed.end() ? 0 : next->first_sequence;
  if (checked_ == 0) return {};
  const auto check = [](auto&& file) {
    if (file) file->check();
  };
  for (const std::string& path :
       {index_path(directory_, checked_), open_table_path(directory_, checked_)}) {
    try {
      path.ends_with(kIndexEnd) ? check(SegmentIndex::open(path)) : check(OpenTable::open(path));
    } catch (const SystemError& damage) {
      ::unlink(path.c_str());
      indexed_.erase(checked_);
      return damage.what();
    }
  }
  return {};
}

}  // namespace natledger
