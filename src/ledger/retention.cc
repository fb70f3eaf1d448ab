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
#include "ledger/cursor.h"

namespace natledger {

namespace {

// Tailers find a sealed file late. Only for room for new lines is one taken from them.
constexpr Duration kTailersNeed = std::chrono::minutes{10};

constexpr Duration kPeriod = std::chrono::seconds{10};

// What may stand beside a segment, made from its lines.
constexpr std::string_view kMadeFromIt[] = {".idx", ".open", ".long"};

// Its files, in the order in which they go, so that one left half removed is still seen.
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
    : ledger_(ledger), directory_(options.directory), state_(options.state), keep_(options.keep) {}

const Retention::Stored& Retention::read(Stored& stored) {
  struct stat status {};
  if (std::exchange(stored.read, true)) return stored;
  const std::string& path = stored.segment.path;
  check_call("stat " + path, ::stat(path.c_str(), &status));
  stored.bytes = static_cast<uint64_t>(status.st_size);
  stored.disk_bytes = static_cast<uint64_t>(status.st_blocks) * 512;
  // When it got its name.
  stored.sealed_at = {status.st_ctim.tv_sec * kNsPerSecond + status.st_ctim.tv_nsec};
  return stored;
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
  // First, so that what is sealed meanwhile is behind it.
  uint64_t behind = ledger_.active_first_sequence();
  Segments segments;
  for (SealedSegment& sealed : list_sealed(directory_)) {
    if (behind != 0 && sealed.first_sequence >= behind) break;
    segments.emplace_back().segment = std::move(sealed);
  }
  if (segments.empty()) return 0;
  if (behind == 0) {
    // Of a ledger without any line a start would not know how it went on.
    behind = segments.back().segment.first_sequence;
    segments.pop_back();
  }
  const size_t for_room = count_for_room(segments);
  const size_t count = std::max({count_left_over(segments), count_old(segments, at),
                                 count_beyond_size(segments, at), for_room});
  if (count == 0) return 0;
  const uint64_t keep_from =
      count < segments.size() ? segments[count].segment.first_sequence : behind;
  ledger_.keep_from(keep_from);
  say_undelivered(keep_from);
  remove(segments, count);
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

// New records outrank old deliveries, but nobody may think that these were made.
void Retention::say_undelivered(uint64_t keep_from) const {
  for (const NamedCursor& each : read_cursors(state_)) {
    if (each.cursor.next >= keep_from) continue;
    log_error("the numbers " + std::to_string(each.cursor.next) + " to " +
              std::to_string(keep_from - 1) + " were not delivered to " + each.destination +
              " and are removed, lost to it (see ledger.keep, and `natledger-ship status`)");
  }
}

// What a kill between the state and the files has left.
size_t Retention::count_left_over(const Segments& segments) const {
  const uint64_t kept_from = ledger_.kept_from();
  size_t count = 0;
  while (count < segments.size() && segments[count].segment.first_sequence < kept_from) ++count;
  return count;
}

size_t Retention::count_old(Segments& segments, TimePoint at) {
  if (keep_.age == Duration::zero()) return 0;
  size_t count = 0;
  while (count < segments.size() && newest_line(segments[count]) + keep_.age < at &&
         tailers_had_time(segments[count], at)) {
    ++count;
  }
  return count;
}

size_t Retention::count_beyond_size(Segments& segments, TimePoint at) const {
  if (keep_.size == 0) return 0;
  uint64_t all = ledger_.active_bytes();
  for (Stored& each : segments) all += read(each).bytes;
  size_t count = 0;
  for (; count < segments.size() && all > keep_.size && tailers_had_time(segments[count], at);
       ++count) {
    all -= segments[count].bytes;
  }
  return count;
}

size_t Retention::count_for_room(Segments& segments) const {
  const uint64_t missing = missing_room();
  uint64_t freed = 0;
  size_t count = 0;
  for (; count < segments.size() && freed < missing; ++count) {
    freed += read(segments[count]).disk_bytes;
  }
  return count;
}

bool Retention::tailers_had_time(Stored& stored, TimePoint at) {
  return stored.segment.archived || read(stored).sealed_at + kTailersNeed <= at;
}

TimePoint Retention::newest_line(Stored& stored) {
  if (dated_ == stored.segment.first_sequence) return date_;
  // One without a whole line, or that cannot be read, is as old as its file.
  date_ = read(stored).sealed_at;
  try {
    const TimePoint last = read_tail(stored.segment).last_time;
    if (last.known()) date_ = last;
  } catch (const SystemError& error) {
    log_warning("date a segment of the ledger: " + std::string{error.what()});
  }
  dated_ = stored.segment.first_sequence;
  return date_;
}

void Retention::remove(const Segments& segments, size_t count) const {
  for (size_t i = 0; i < count; ++i) {
    for (const std::string& path : paths_of(directory_, segments[i].segment.first_sequence)) {
      if (::unlink(path.c_str()) == 0 || errno == ENOENT) continue;
      throw SystemError("remove " + path, errno, "see ledger.keep");
    }
  }
  sync_directory(directory_);
}

}  // namespace natledger
