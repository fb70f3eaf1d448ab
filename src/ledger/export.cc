// SPDX-License-Identifier: GPL-2.0-or-later
#include "ledger/export.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "ledger/segment.h"

namespace natledger {

namespace {

constexpr uint64_t kCopiedAtOnce = 1 << 20;
// A line's own time may be this much older than the lines around it: an end is timed when the
// kernel reaps the flow, a minute late at most.
constexpr Duration kDisorder = std::chrono::minutes{2};

bool is_wanted(const SegmentTail& tail, const LedgerRange& range) {
  return tail.first_sequence != 0 && tail.first_sequence <= range.last &&
         range.first <= tail.last_sequence && tail.first_time - kDisorder <= range.to &&
         range.from <= tail.last_time + kDisorder;
}

// One without a line that can be read: somebody else may read more, and the chain goes through it.
bool may_be_wanted(const std::vector<SealedSegment>& sealed, size_t i, const LedgerRange& range) {
  const bool ends_before = i + 1 < sealed.size() && sealed[i + 1].first_sequence <= range.first;
  return sealed[i].first_sequence <= range.last && !ends_before;
}

class Copier {
 public:
  Copier(std::string target, const std::function<void(uint64_t)>& progress)
      : target_(std::move(target)), progress_(progress) {}

  void make_target() const {
    std::error_code error;
    std::filesystem::create_directory(target_, error);
    if (error) throw SystemError("make directory " + target_, error.value(), "name another");
    if (!std::filesystem::is_empty(target_, error) || error) {
      throw SystemError("export into " + target_ + ": it is not empty (name a new directory)");
    }
  }

  // The first `bytes` of an open file.
  void copy(int from, const std::string& path, uint64_t bytes) {
    const std::string to = target_ + "/" + std::filesystem::path{path}.filename().string();
    const UniqueFd out = open_file(to, O_WRONLY | O_CREAT | O_EXCL, 0640);
    for (uint64_t at = 0; at < bytes;) {
      const std::string piece = read_at(from, path, at, std::min(kCopiedAtOnce, bytes - at));
      if (piece.empty()) throw SystemError("copy " + path + ": it was cut meanwhile");
      if (!write_whole(out.get(), piece)) throw SystemError("write " + to, errno, "make room");
      at += piece.size();
      progress_(exported_.bytes + at);
    }
    check_call("sync " + to, ::fsync(out.get()));
    ++exported_.segments;
    exported_.bytes += bytes;
  }

  void count(const SegmentTail& tail) {
    exported_.first = tail.first_sequence;
    if (exported_.last == 0) exported_.last = tail.last_sequence;
  }

  Exported finish() const {
    sync_directory(target_);
    return exported_;
  }

 private:
  const std::string target_;
  const std::function<void(uint64_t)>& progress_;
  Exported exported_;
};

}  // namespace

Exported export_ledger(const std::string& source, const std::string& target,
                       const LedgerRange& range, const std::function<void(uint64_t)>& progress) {
  LedgerFiles files = list_ledger(source);
  Copier copier{target, progress};
  copier.make_target();
  if (files.active) {
    const OpenSegment open{std::move(files.active), files.active_path, false};
    const SegmentTail tail = read_tail(open);
    if (is_wanted(tail, range)) {
      copier.copy(open.fd.get(), open.path, tail.bytes - tail.torn_bytes);
      copier.count(tail);
    }
  }
  for (size_t i = files.sealed.size(); i-- > 0;) {
    const OpenSegment open = open_sealed(files.sealed[i]);
    if (!open.fd) break;  // taken away meanwhile, with those before it
    const SegmentTail tail = read_tail(open);
    const bool has_lines = tail.first_sequence != 0;
    if (has_lines ? !is_wanted(tail, range) : !may_be_wanted(files.sealed, i, range)) continue;
    copier.copy(open.fd.get(), open.path, file_bytes(open.fd.get(), open.path));
    if (has_lines) copier.count(tail);
  }
  return copier.finish();
}

}  // namespace natledger
