// SPDX-License-Identifier: GPL-2.0-or-later
#include "ledger/segment_lines.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "ledger/index_format.h"
#include "ledger/line.h"

namespace natledger {

namespace {

constexpr uint64_t kUsualLineBytes = 4096;
constexpr uint64_t kMostLineBytes = 64 << 20;  // nothing is longer, an archive's frame included

}  // namespace

bool SegmentLines::next(SegmentLine& line) {
  for (;;) {
    if (take_line(line)) return true;
    if (!read_more()) return false;
  }
}

bool SegmentLines::read_more() {
  buffer_.erase(0, at_);
  at_ = 0;
  const bool more = stream_.read(buffer_);
  // An archive's frame behind damaged ones stands where its table says.
  place_ = std::max(place_, from_ + stream_.at() - buffer_.size());
  return more;
}

// As in LedgerReader: a torn line, ended by us, can only be the last.
bool SegmentLines::take_line(SegmentLine& line) {
  while (at_ < buffer_.size()) {
    const std::string_view rest = std::string_view{buffer_}.substr(at_);
    const size_t bytes = rest.find('\n');
    if (bytes == std::string_view::npos) return false;
    line = {rest.substr(0, bytes), sequence_of(rest.substr(0, bytes)), place_};
    at_ += bytes + 1;
    place_ += bytes + 1;
    const bool may_be_torn = at_ == buffer_.size();
    if (line.sequence != 0 && (!may_be_torn || is_closed_object(line.text))) return true;
  }
  return false;
}

PlacedLines::PlacedLines(OpenSegment segment) : segment_(std::move(segment)) {
  if (!segment_.fd) throw SystemError("read ledger " + segment_.path + ": it has gone");
  if (segment_.archived) {
    archive_ = std::make_unique<Archive>(std::move(segment_.fd), segment_.path);
  }
}

// Makes the window hold `place`, of a plain segment with so many bytes behind. False where there
// are none.
bool PlacedLines::load(uint64_t place, uint64_t bytes) {
  const bool inside = place >= window_at_ && place - window_at_ < window_.size();
  if (archive_ == nullptr) {
    if (inside && window_at_ + window_.size() - place >= bytes) return true;
    window_ = read_at(segment_.fd.get(), segment_.path, place, bytes);
    window_at_ = place;
    return !window_.empty();
  }
  if (inside) return true;
  const std::vector<ArchiveFrame>& frames = archive_->frames();
  auto frame = std::upper_bound(
      frames.begin(), frames.end(), place,
      [](uint64_t at, const ArchiveFrame& later) { return at < later.content_at; });
  if (frame == frames.begin()) return false;
  --frame;
  if (place - frame->content_at >= frame->content) return false;
  const std::string damage = archive_->read_frame(*frame, window_);
  window_at_ = frame->content_at;
  if (!damage.empty()) {
    throw SystemError("read " + segment_.path + ", byte " + std::to_string(frame->at) + ": " +
                      damage);
  }
  return true;
}

// What stands from there to the next '\n'; nothing where none follows.
std::string_view PlacedLines::ended_line(uint64_t place) {
  for (uint64_t bytes = kUsualLineBytes; load(place, bytes) && bytes <= kMostLineBytes;
       bytes *= 2) {
    const std::string_view rest = std::string_view{window_}.substr(place - window_at_);
    const size_t end = rest.find('\n');
    if (end != std::string_view::npos) return rest.substr(0, end);
    if (archive_ != nullptr || rest.size() < bytes) return {};
  }
  return {};
}

uint64_t PlacedLines::first_number() { return sequence_of(ended_line(0)); }

std::string_view PlacedLines::line_at(uint64_t place) {
  uint64_t begin = place;
  if (place != 0) {
    // It begins behind a '\n', which may be the last byte of the frame before.
    const std::string_view before = ended_line(place - 1);
    if (before.data() == nullptr) return {};
    begin = place + before.size();
  }
  while (begin < place + kPlaceUnit) {
    const std::string_view line = ended_line(begin);
    if (line.data() == nullptr || sequence_of(line) != 0) return line;
    begin += line.size() + 1;  // torn
  }
  return {};
}

// Looks at each window of [from, to) until `find` gives a line.
template <class Find>
std::string_view PlacedLines::search(uint64_t from, uint64_t to, const Find& find) {
  for (uint64_t at = from; at < to && load(at, to - at);) {
    const std::string_view rest = std::string_view{window_}.substr(at - window_at_);
    const std::string_view line = find(rest);
    if (line.data() != nullptr) return line;
    at += rest.size();
  }
  return {};
}

std::string_view PlacedLines::line_of(uint64_t sequence, uint64_t from, uint64_t to) {
  // As the encoder writes it.
  const std::string number = "\"event.sequence\": " + std::to_string(sequence) + ",";
  const auto quickly = [&](std::string_view text) -> std::string_view {
    const void* there = ::memmem(text.data(), text.size(), number.data(), number.size());
    if (there == nullptr) return {};
    const auto found = static_cast<size_t>(static_cast<const char*>(there) - text.data());
    const size_t end = text.find('\n', found);
    if (end == std::string_view::npos) return {};
    const size_t begin = text.rfind('\n', found) + 1;  // 0 where there is none
    const std::string_view line = text.substr(begin, end - begin);
    return sequence_of(line) == sequence ? line : std::string_view{};
  };
  const auto one_by_one = [&](std::string_view text) -> std::string_view {
    size_t begin = 0;
    for (size_t end; (end = text.find('\n', begin)) != std::string_view::npos; begin = end + 1) {
      const std::string_view line = text.substr(begin, end - begin);
      if (sequence_of(line) == sequence) return line;
    }
    return {};
  };
  const std::string_view line = search(from, to, quickly);
  return line.data() != nullptr ? line : search(from, to, one_by_one);
}

}  // namespace natledger
