// SPDX-License-Identifier: GPL-2.0-or-later
#include "ledger/ballast.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"
#include "base/file.h"
#include "base/unique_fd.h"

namespace natledger {

namespace {

constexpr const char* kRemedy = "see ledger.ballast; 0 does without";

bool has_room(const std::string& directory, uint64_t bytes) {
  struct statvfs status {};
  check_call("stat the file system of " + directory, ::statvfs(directory.c_str(), &status));
  return status.f_bavail * status.f_frsize >= bytes;
}

bool is_held(const std::string& path, uint64_t bytes) {
  struct stat status {};
  if (::stat(path.c_str(), &status) < 0) return false;
  return static_cast<uint64_t>(status.st_size) == bytes &&
         static_cast<uint64_t>(status.st_blocks) * 512 >= bytes;
}

}  // namespace

Ballast::Ballast(const std::string& directory, uint64_t bytes)
    : directory_(directory), path_(directory + "/ballast"), bytes_(bytes) {}

bool Ballast::keep() {
  const std::lock_guard lock{mutex_};
  if (spent_) return true;
  if (bytes_ == 0) {
    if (::unlink(path_.c_str()) < 0 && errno != ENOENT) {
      throw SystemError("remove " + path_, errno, kRemedy);
    }
    return true;
  }
  if (is_held(path_, bytes_)) return true;
  if (!has_room(directory_, 2 * bytes_)) return false;
  const UniqueFd fd = open_file(path_, O_WRONLY | O_CREAT | O_TRUNC, 0600, kRemedy);
  const int refused = ::posix_fallocate(fd.get(), 0, static_cast<off_t>(bytes_));
  if (refused == 0) return true;
  // What it got before that would only be in the way.
  ::unlink(path_.c_str());
  if (refused == ENOSPC || refused == EDQUOT) return false;
  throw SystemError("allocate " + path_, refused, kRemedy);
}

bool Ballast::spend() {
  const std::lock_guard lock{mutex_};
  spent_ = true;
  return ::unlink(path_.c_str()) == 0;
}

}  // namespace natledger
