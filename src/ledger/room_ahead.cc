// SPDX-License-Identifier: GPL-2.0-or-later
#include "ledger/room_ahead.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace natledger {

namespace {
constexpr uint64_t kMost = 32 << 20;
}

void RoomAhead::keep(int fd, uint64_t file_bytes) {
  if (file_bytes + kMost / 2 <= allocated_to_) return;
  // Refused or not, it is tried again when half of it would have been used.
  allocated_to_ = file_bytes + kMost;
  [[maybe_unused]] const int refused = ::fallocate(
      fd, FALLOC_FL_KEEP_SIZE, static_cast<off_t>(file_bytes), static_cast<off_t>(kMost));
}

void RoomAhead::give_back(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) < 0) return;
  // To the size it has: what lies behind goes. Where that fails there are a few blocks less.
  [[maybe_unused]] const int refused = ::ftruncate(fd, status.st_size);
}

}  // namespace natledger
