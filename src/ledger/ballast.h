// SPDX-License-Identifier: GPL-2.0-or-later
// Room on the ledger's disk for the one moment in which the agent cannot wait for some: it stops,
// and the disk is full. Then what waits in memory is written into it and, where that leaves room,
// the record of the stop, and the mark that nothing is missing.
//
// A file without content beside the segments. While the agent runs on a full disk it is left alone,
// since ordinary lines would only fill it a moment later.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>

namespace natledger {

class Ballast {
 public:
  // Does nothing yet. `bytes` 0: there is none.
  Ballast(const std::string& directory, uint64_t bytes);

  // Makes it where it is not there and the file system has twice that much; removes it where there
  // is to be none. False when there is no room. Throws SystemError.
  bool keep();

  // On any thread: gives the room back, for good. Whether there was any.
  bool spend();

 private:
  const std::string directory_;
  const std::string path_;
  const uint64_t bytes_;
  std::mutex mutex_;  // guards the file, and spent_
  bool spent_ = false;
};

}  // namespace natledger
