// SPDX-License-Identifier: GPL-2.0-or-later
#include "ledger/room_ahead.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace natledger {

namespace {
constexpr off_t kMost = 32 << 20;
}

void RoomAhead::keep(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) < 0 || status.st_size + kMost / 2 <= allocated_to_) return;
  // Refused or not, it is tried again when half of it would have been used.
  allocated_to_ = status.st_size + kMost;
  [[maybe_unused]] const int refused = ::fallocate(fd, FALLOC_FL_KEEP_SIZE, status.st_size, kMost);
}

void RoomAhead::give_back(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) < 0) return;
  // To the size it has: what lies behind goes. Where that fails there are a few blocks less.
  [[maybe_unused]] const int refused = ::ftruncate(fd, status.st_size);
}

}  // namespace natledger
