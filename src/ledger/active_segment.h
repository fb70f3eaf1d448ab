// SPDX-License-Identifier: GPL-2.0-or-later
// The segment that is being written: its file, and what its seal will say of it.
//
// The pipeline's thread writes, housekeeping does the rest behind it: syncs, takes blocks ahead,
// and hashes what has been written, so that a seal need only hash the tail. What both touch is
// atomic; the others hold the ledger's lock.
#pragma once

#include <sys/stat.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/time.h"
#include "base/unique_fd.h"
#include "ledger/checksum.h"
#include "ledger/room_ahead.h"
#include "ledger/seal.h"

namespace natledger {

class ActiveSegment {
 public:
  // `file`, open for reading and appending, is at `path`. `first_sequence` is that of its first
  // line, which may be still to come; `begun` the time of that, the zero instant when not known.
  ActiveSegment(UniqueFd file, std::string path, uint64_t first_sequence, TimePoint begun);

  // As write(2).
  ssize_t write(std::string_view bytes);
  uint64_t bytes() const { return bytes_; }
  uint64_t first_sequence() const { return first_sequence_; }
  // How long it has been written at `at`. A clock that was set back begins anew.
  Duration age(TimePoint at);

  // 0, or the errno value of the first time that the disk refused: after one error the kernel may
  // have forgotten the pages, and a later success would prove nothing.
  int sync();
  int sync_failed() const { return sync_failed_; }

  // Housekeeping's: blocks for the lines to come; the hash of some of those that are there, and
  // whether there are more.
  void look_ahead() { room_ahead_.keep(file_.get()); }
  bool hash_some();
  // Gives back the blocks that nobody will write.
  void give_back() const { RoomAhead::give_back(file_.get()); }

  // What its seal says, as a segment of this name whose last line has this number. Hashes what has
  // not been hashed. Throws SystemError when it cannot be read back.
  SegmentSeal describe(const std::string& name, uint64_t last_sequence);
  // Another name, which is no other file's. Throws SystemError, with the name as it was.
  void rename(const std::string& path);
  const std::string& path() const { return path_; }
  struct stat status() const;

 private:
  void hash_to(uint64_t end);

  const UniqueFd file_;
  std::string path_;
  const uint64_t first_sequence_;
  TimePoint begun_;
  std::atomic<uint64_t> bytes_;
  std::atomic<int> sync_failed_{0};
  RoomAhead room_ahead_;
  std::unique_ptr<Sha256> sum_;  // of the first hashed_to_ bytes
  uint64_t hashed_to_ = 0;
  std::string piece_;
};

}  // namespace natledger
