// SPDX-License-Identifier: GPL-2.0-or-later
#include "ledger/archiver.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "ledger/archive.h"
#include "ledger/segment.h"

namespace natledger {

namespace {

constexpr std::string_view kUnfinishedEnd = ".tmp";

// When it got its name, which is the last thing that we do to a segment; who changes its mode later
// only delays its archive.
TimePoint sealed_at(const struct stat& status) {
  return TimePoint{status.st_ctim.tv_sec * kNsPerSecond + status.st_ctim.tv_nsec};
}

// Readers of the segment are those of its archive.
void copy_owner(const std::string& from, const std::string& to) {
  struct stat status {};
  check_call("stat " + from, ::stat(from.c_str(), &status));
  check_call("set group of " + to, ::chown(to.c_str(), static_cast<uid_t>(-1), status.st_gid));
  check_call("set mode of " + to, ::chmod(to.c_str(), status.st_mode & 07777));
}

}  // namespace

Archiver::Archiver(std::string directory, Duration after)
    : directory_(std::move(directory)), after_(after) {}

void Archiver::remove_leftovers() const {
  std::error_code error;
  std::filesystem::directory_iterator entry{directory_, error};
  for (; !error && entry != std::filesystem::directory_iterator{}; entry.increment(error)) {
    const std::string name = entry->path().filename();
    if (!name.starts_with("conntrack-") || !name.ends_with(kUnfinishedEnd)) continue;
    if (::unlink(entry->path().c_str()) == 0) continue;
    log_warning("remove " + entry->path().string() + ": " + error_text(errno) +
                " (what is half archived is of no use; remove it)");
  }
}

bool Archiver::archive_next(TimePoint at, const std::function<bool()>& go_on) {
  const Duration after = after_;
  if (after == Duration::zero()) return false;
  for (const SealedSegment& sealed : list_sealed(directory_)) {
    if (sealed.archived || sealed.first_sequence <= tried_) continue;
    struct stat status {};
    check_call("stat " + sealed.path, ::stat(sealed.path.c_str(), &status));
    if (at < sealed_at(status) + after) continue;
    tried_ = sealed.first_sequence;
    return archive(sealed.path, go_on);
  }
  tried_ = 0;
  return false;
}

bool Archiver::archive(const std::string& segment, const std::function<bool()>& go_on) const {
  const std::string made = segment + std::string{kArchiveEnd};
  if (::access(made.c_str(), F_OK) == 0) {
    const Comparison found = compare_archive(segment, made, go_on);
    if (found.same) return remove(segment);
    if (found.difference.empty()) return false;  // told to stop
    if (!found.damaged) {
      throw SystemError("archive " + segment + ": " + made + " holds something else, " +
                        found.difference + " (an old copy was put back; move one of them away)");
    }
  }
  const std::string unfinished = made + std::string{kUnfinishedEnd};
  // Whatever happens, nothing half made stays.
  struct Unfinished {
    const std::string& path;
    ~Unfinished() { ::unlink(path.c_str()); }
  } const remove_at_end{unfinished};
  if (!write_archive(segment, unfinished, go_on)) return false;
  copy_owner(segment, unfinished);
  check_call("rename " + unfinished, ::rename(unfinished.c_str(), made.c_str()));
  sync_directory(directory_);
  return remove(segment);
}

bool Archiver::remove(const std::string& segment) {
  check_call("remove " + segment, ::unlink(segment.c_str()));
  return true;
}

}  // namespace natledger
