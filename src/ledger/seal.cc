// SPDX-License-Identifier: GPL-2.0-or-later
#include "ledger/seal.h"

#include "ledger/checksum.h"
#include "ledger/line.h"
#include "ledger/segment_stream.h"

namespace natledger {

namespace {

// Nothing when part of it is damaged, or it has gone.
std::optional<SegmentSeal> describe_segment(const SealedSegment& sealed) {
  SegmentStream stream{sealed};
  if (!stream.is_open()) return {};
  SegmentSeal seal;
  seal.name = sealed_name(sealed.first_sequence);
  Sha256 sum;
  std::string piece;
  bool first_piece = true;
  while (stream.read(piece)) {
    sum.add(piece);
    seal.bytes += piece.size();
    if (first_piece) {
      const auto before = seal_at_front(piece);
      if (before) seal.previous = before->sha256;
      first_piece = false;
    }
    piece.clear();
  }
  if (!stream.damages().empty()) return {};
  const SegmentTail tail = read_tail(sealed);
  seal.first = tail.first_sequence;
  seal.last = tail.last_sequence;
  seal.sha256 = sum.hex();
  return seal;
}

}  // namespace

std::optional<SegmentSeal> describe_newest(const std::vector<SealedSegment>& sealed) {
  auto seal = describe_segment(sealed.back());
  if (seal && seal->previous.empty() && sealed.size() > 1) {
    const auto before = describe_segment(sealed[sealed.size() - 2]);
    if (before) seal->previous = before->sha256;
  }
  return seal;
}

std::optional<SegmentSeal> seal_at_front(std::string_view text) {
  for (int i = 0; i < 2; ++i) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    if (auto seal = seal_in(text.substr(0, end))) return seal;
    text.remove_prefix(end + 1);
  }
  return {};
}

std::optional<SegmentSeal> seal_in(std::string_view line) {
  if (sequence_of(line) == 0 || text_in(line, "\"event.action\":") != "segment-sealed") return {};
  SegmentSeal seal;
  seal.name = text_in(line, "\"coverage.segment.name\":");
  seal.first = number_in(line, "\"coverage.segment.first\":");
  seal.last = number_in(line, "\"coverage.segment.last\":");
  seal.bytes = number_in(line, "\"coverage.segment.bytes\":");
  seal.sha256 = text_in(line, "\"coverage.segment.sha256\":");
  seal.previous = text_in(line, "\"coverage.segment.previous\":");
  return seal;
}

}  // namespace natledger
