// SPDX-License-Identifier: GPL-2.0-or-later
#include "ledger/retention.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"

namespace natledger {

namespace {

// Tailers find a sealed file late. Only for room for new lines is one taken from them.
constexpr Duration kTailersNeed = std::chrono::minutes{10};

constexpr Duration kPeriod = std::chrono::seconds{10};

// What may stand beside a segment, made from its lines.
constexpr std::string_view kMadeFromIt[] = {".idx", ".open", ".long"};

// Its files, in the order in which they go: who finds none of the last has nothing left to remove.
std::vector<std::string> paths_of(const std::string& directory, uint64_t first_sequence) {
  const std::string segment = directory + "/" + sealed_name(first_sequence);
  const std::string stem = segment.substr(0, segment.rfind('.'));
  std::vector<std::string> paths;
  for (const std::string_view end : kMadeFromIt) paths.push_back(stem + std::string{end});
  paths.push_back(segment + std::string{kArchiveEnd});
  paths.push_back(segment);
  return paths;
}

std::string numbers_text(uint64_t below) { return "up to number " + std::to_string(below - 1); }

}  // namespace

Retention::Retention(Ledger& ledger, const LedgerOptions& options)
    : ledger_(ledger), directory_(options.directory), keep_(options.keep) {}

std::vector<Retention::Stored> Retention::list() const {
  std::vector<Stored> all;
  for (SealedSegment& segment : list_sealed(directory_)) {
    Stored stored;
    stored.segment = std::move(segment);
    for (std::string& path : paths_of(directory_, stored.segment.first_sequence)) {
      struct stat status {};
      if (::stat(path.c_str(), &status) < 0) continue;
      stored.disk_bytes += static_cast<uint64_t>(status.st_blocks) * 512;
      if (path == stored.segment.path) {
        stored.bytes = static_cast<uint64_t>(status.st_size);
        // When it got its name.
        stored.sealed_at = {status.st_ctim.tv_sec * kNsPerSecond + status.st_ctim.tv_nsec};
      }
      stored.paths.push_back(std::move(path));
    }
    all.push_back(std::move(stored));
  }
  return all;
}

// What a reader holds open takes room until it is closed: then the next segments would go in vain.
bool Retention::is_due(TimePoint at) const {
  if (at < looked_ || at >= looked_ + kPeriod) return true;
  return !room_is_held_ && missing_room() != 0;
}

// Bytes to keep_.free.
uint64_t Retention::missing_room() const {
  if (keep_.free == 0) return 0;
  struct statvfs status {};
  check_call("stat the file system of " + directory_, ::statvfs(directory_.c_str(), &status));
  const uint64_t wanted = status.f_blocks * keep_.free / 100;
  return status.f_bavail >= wanted ? 0 : (wanted - status.f_bavail) * status.f_frsize;
}

size_t Retention::remove_due(TimePoint at) {
  looked_ = at;
  room_is_held_ = false;
  std::vector<Stored> stored = list();
  if (stored.empty()) return 0;
  uint64_t behind = ledger_.active_first_sequence();
  if (behind == 0) {
    // Of a ledger without any line a start would not know how it went on.
    behind = stored.back().segment.first_sequence;
    stored.pop_back();
  }
  const size_t for_room = count_for_room(stored);
  const size_t count = std::max(
      {count_left_over(stored), count_old(stored, at), count_beyond_size(stored, at), for_room});
  if (count == 0) return 0;
  const uint64_t keep_from = count < stored.size() ? stored[count].segment.first_sequence : behind;
  ledger_.keep_from(keep_from);
  remove(stored, count);
  room_is_held_ = for_room != 0 && missing_room() != 0;
  const std::string removed =
      "removed " + std::to_string(count) + " segments of the ledger, " + numbers_text(keep_from);
  if (for_room == count) {
    log_warning(removed + ", since less than " + std::to_string(keep_.free) +
                " % of the file system was free (make room, or lower ledger.keep.age)");
  } else {
    log_info(removed + " (ledger.keep)");
  }
  return count;
}

// What a kill between the state and the files has left.
size_t Retention::count_left_over(const std::vector<Stored>& stored) const {
  size_t count = 0;
  while (count < stored.size() && stored[count].segment.first_sequence < ledger_.kept_from()) {
    ++count;
  }
  return count;
}

size_t Retention::count_old(const std::vector<Stored>& stored, TimePoint at) {
  if (keep_.age == Duration::zero()) return 0;
  size_t count = 0;
  while (count < stored.size() && newest_line(stored[count]) + keep_.age < at &&
         is_read(stored[count], at)) {
    ++count;
  }
  return count;
}

size_t Retention::count_beyond_size(const std::vector<Stored>& stored, TimePoint at) const {
  if (keep_.size == 0) return 0;
  uint64_t all = ledger_.active_bytes();
  for (const Stored& each : stored) all += each.bytes;
  size_t count = 0;
  for (; count < stored.size() && all > keep_.size && is_read(stored[count], at); ++count) {
    all -= stored[count].bytes;
  }
  return count;
}

size_t Retention::count_for_room(const std::vector<Stored>& stored) const {
  const uint64_t missing = missing_room();
  uint64_t freed = 0;
  size_t count = 0;
  for (; count < stored.size() && freed < missing; ++count) freed += stored[count].disk_bytes;
  return count;
}

// Whether tailers have had the time to read it.
bool Retention::is_read(const Stored& stored, TimePoint at) {
  return stored.segment.archived || stored.sealed_at + kTailersNeed <= at;
}

TimePoint Retention::newest_line(const Stored& stored) {
  if (dated_ == stored.segment.first_sequence) return date_;
  // One without a whole line, or that cannot be read, is as old as its file.
  date_ = stored.sealed_at;
  try {
    const TimePoint last = read_tail(stored.segment).last_time;
    if (last.known()) date_ = last;
  } catch (const SystemError& error) {
    log_warning("date a segment of the ledger: " + std::string{error.what()});
  }
  dated_ = stored.segment.first_sequence;
  return date_;
}

void Retention::remove(const std::vector<Stored>& stored, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    for (const std::string& path : stored[i].paths) {
      if (::unlink(path.c_str()) == 0 || errno == ENOENT) continue;
      throw SystemError("remove " + path, errno, "see ledger.keep");
    }
  }
  sync_directory(directory_);
}

}  // namespace natledger
