// SPDX-License-Identifier: GPL-2.0-or-later
#include "ledger/reader.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "ledger/line.h"

namespace natledger {

LedgerReader::LedgerReader(const std::string& directory, uint64_t from) : directory_(directory) {
  take_files(list_ledger(directory_));
  while (next_sealed_ + 1 < sealed_.size() && sealed_[next_sealed_ + 1].first_sequence <= from) {
    last_name_ = sealed_[next_sealed_++].first_sequence;
  }
  open_next();
}

void LedgerReader::take_files(LedgerFiles files) {
  sealed_ = std::move(files.sealed);
  next_sealed_ = 0;
  if (files.active) active_.emplace(std::move(files.active), files.active_path);
}

bool LedgerReader::advance() {
  if (stream_ && (!last_ || stream_->is_at(stream_->path()))) return false;
  try {
    take_files(list_ledger(directory_));
  } catch (const SystemError&) {
    return false;  // between two names, or away for now
  }
  // What is being read is among them, under its new name.
  const auto is_read = [this](const SealedSegment& sealed) {
    return sealed.first_sequence <= std::max(last_sequence_, last_name_) ||
           (stream_ && stream_->is_at(sealed.path));
  };
  while (next_sealed_ < sealed_.size() && is_read(sealed_[next_sealed_])) ++next_sealed_;
  last_ = false;
  if (!stream_) open_next();
  return stream_.has_value();
}

// One that was taken away meanwhile is passed over, which its numbers tell.
void LedgerReader::open_next() {
  stream_.reset();
  while (next_sealed_ < sealed_.size()) {
    last_name_ = std::max(last_name_, sealed_[next_sealed_].first_sequence);
    SegmentStream sealed{sealed_[next_sealed_++]};
    if (!sealed.is_open()) continue;
    stream_.emplace(std::move(sealed));
    return;
  }
  if (!active_) return;
  stream_.emplace(std::move(*active_));
  active_.reset();
  last_ = true;
}

bool LedgerReader::next(LedgerLine& line) {
  while (stream_) {
    if (take_line(line)) return true;
    buffer_.erase(0, at_);
    at_ = 0;
    if (stream_->read(buffer_)) continue;
    if (last_) return false;
    leave_segment();
  }
  return false;
}

// What is left of a sealed segment ends without '\n': a cut file.
void LedgerReader::leave_segment() {
  if (!buffer_.empty()) ++torn_lines_;
  buffer_.clear();
  damages_ = take_damages();
  taken_damages_ = 0;
  open_next();
}

std::vector<Damage> LedgerReader::take_damages() {
  std::vector<Damage> taken = std::move(damages_);
  damages_.clear();
  if (!stream_) return taken;
  const std::vector<Damage>& more = stream_->damages();
  taken.insert(taken.end(), more.begin() + static_cast<ptrdiff_t>(taken_damages_), more.end());
  taken_damages_ = more.size();
  return taken;
}

// Takes the next whole record of the buffer, passing over torn lines.
bool LedgerReader::take_line(LedgerLine& line) {
  while (at_ < buffer_.size()) {
    const std::string_view rest = std::string_view{buffer_}.substr(at_);
    const size_t bytes = rest.find('\n');
    if (bytes == std::string_view::npos) return false;
    line.text = rest.substr(0, bytes);
    line.sequence = sequence_of(line.text);
    at_ += bytes + 1;
    // A torn line, ended by us, can only be the last of a segment; it may end in a brace by chance.
    const bool may_be_torn = at_ == buffer_.size();
    if (line.sequence != 0 && (!may_be_torn || is_closed_object(line.text))) {
      last_sequence_ = line.sequence;
      return true;
    }
    ++torn_lines_;
  }
  return false;
}

}  // namespace natledger
