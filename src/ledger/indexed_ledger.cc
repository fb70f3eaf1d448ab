// SPDX-License-Identifier: GPL-2.0-or-later
#include "ledger/indexed_ledger.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "ledger/block_file.h"

namespace natledger {

namespace {

std::vector<IndexedSegment> segments_of(const std::string& directory) {
  LedgerFiles files = list_ledger(directory);
  std::vector<IndexedSegment> segments;
  segments.reserve(files.sealed.size() + 1);
  for (SealedSegment& sealed : files.sealed) segments.push_back({std::move(sealed), {}, {}, {}});
  if (!files.active) return segments;
  OpenSegment active{std::move(files.active), files.active_path, false};
  const uint64_t first = PlacedLines{{duplicate(active.fd), active.path, false}}.first_number();
  const std::string path = active.path;
  segments.push_back({{first, path, false}, std::move(active), {}, {}});
  return segments;
}

}  // namespace

OpenSegment IndexedSegment::open() const {
  if (!active.fd) return open_sealed(sealed);
  return {duplicate(active.fd), active.path, false};
}

PlacedLines& IndexedSegment::placed() {
  if (lines == nullptr) lines = std::make_unique<PlacedLines>(open());
  return *lines;
}

IndexedLedger::IndexedLedger(const std::string& directory)
    : directory_(directory), segments_(segments_of(directory)) {}

bool IndexedLedger::find_table() {
  for (newest_ = segments_.size(); newest_-- > 0;) {
    const uint64_t first = segments_[newest_].first();
    table_ = open_good<OpenTable>(open_table_path(directory_, first));
    if (!table_) continue;
    auto index = open_good<SegmentIndex>(index_path(directory_, first));
    if (!index) continue;
    const IndexHeader& header = index->header();
    const OpenHeader& table = table_->header();
    if (header.last != table.last || header.bytes != table.bytes) continue;
    segments_[newest_].index = std::move(index);
    return true;
  }
  return false;
}

bool IndexedLedger::open_index(size_t number) {
  IndexedSegment& segment = segments_[number];
  if (!segment.index) segment.index = SegmentIndex::open(index_path(directory_, segment.first()));
  if (!segment.index) return false;
  const IndexHeader& header = segment.index->header();
  const bool newest = number == newest_;
  if (header.first != 0 && header.first != segment.first()) return false;
  if (segment.sealed.archived) return header.whole;
  const OpenSegment open = segment.open();
  if (!open.fd) return false;
  if (open.archived) return header.whole;
  const uint64_t bytes = file_bytes(open.fd.get(), open.path);
  return header.whole ? bytes == header.bytes : newest && bytes >= header.bytes;
}

std::string_view IndexedLedger::line_of(uint64_t sequence) {
  const auto end = segments_.begin() + static_cast<ptrdiff_t>(newest_) + 1;
  const auto behind = std::upper_bound(
      segments_.begin(), end, sequence,
      [](uint64_t number, const IndexedSegment& segment) { return number < segment.first(); });
  if (behind == segments_.begin()) return {};
  const auto number = static_cast<size_t>(behind - segments_.begin()) - 1;
  if (!open_index(number)) return {};
  IndexedSegment& segment = segments_[number];
  if (!segment.index || sequence > segment.index->header().last) return {};
  const SegmentIndex::Region region = segment.index->region_of(sequence);
  return segment.placed().line_of(sequence, region.from, region.to);
}

bool IndexedLedger::read_all(size_t number, const LineVisit& visit) {
  return read_from(number, 0, visit);
}

bool IndexedLedger::read_rest(size_t number, const LineVisit& visit) {
  const IndexedSegment& segment = segments_[number];
  if (!segment.index) return read_all(number, visit);
  const IndexHeader& header = segment.index->header();
  return header.whole || read_from(number, header.bytes, visit);
}

bool IndexedLedger::read_from(size_t number, uint64_t from, const LineVisit& visit) {
  OpenSegment open = segments_[number].open();
  if (!open.fd) return true;  // taken away meanwhile, which its numbers tell
  if (open.archived && from != 0) return false;
  if (!open.archived && ::lseek(open.fd.get(), static_cast<off_t>(from), SEEK_SET) < 0) {
    throw SystemError("read " + open.path, errno);
  }
  SegmentLines lines{SegmentStream{std::move(open)}, from};
  SegmentLine line;
  while (lines.next(line)) visit(line);
  return true;
}

}  // namespace natledger
