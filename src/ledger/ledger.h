// SPDX-License-Identifier: GPL-2.0-or-later
// The writer of a ledger: one directory of NDJSON segments, append-only, with one owner.
//
//   <directory>/conntrack.json                          the active segment
//   <directory>/conntrack-0000000000001834221.json      sealed, named by its first sequence
//   <state>/sequence, <state>/covered                   what is kept beside the lines
//
// The pipeline's thread appends and flushes; the housekeeping thread calls housekeep(). The
// pipeline may wait for the disk here; the receive thread never comes near.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "base/unique_fd.h"
#include "ledger/active_segment.h"
#include "ledger/covered_mark.h"
#include "ledger/record_sink.h"
#include "ledger/seal.h"
#include "ledger/start_plan.h"
#include "ledger/state.h"

namespace natledger {

// When a segment is sealed and the next one begun.
struct RotateOptions {
  uint64_t size = 256 << 20;
  Duration age = std::chrono::hours{24};  // of its first line; zero: whatever its age
};

// When sealed segments are removed, the oldest first; zero: not for that.
struct KeepOptions {
  Duration age = std::chrono::days{180};  // of the newest line
  uint64_t size = 0;                      // bytes of all segments and archives
  uint64_t free = 10;                     // percent of the file system
};

struct LedgerOptions {
  std::string directory = "/var/log/natledger";
  std::string state = "/var/lib/natledger";
  std::string sync = "1s";  // "always", "never", or an interval
  std::string group = "adm";
  Duration compress_after = std::chrono::hours{1};  // behind the seal; zero: never
  RotateOptions rotate = {};
  KeepOptions keep = {};
  uint64_t ballast = 16 << 20;  // bytes; 0: none
};

// What the start found and did, for the first records and the log.
struct LedgerOpening {
  StartPlan plan;
  // The record before this start is whole up to here; the zero instant when there is none.
  TimePoint covered_to;
  bool rebooted = false;     // since the run before
  bool new_segment = false;  // the active one has no line yet
  // What an operator should know: a sealed torn segment, a damaged state.
  std::vector<std::string> notes;
};

class Ledger final : public RecordSink {
 public:
  // Locks directory and state, repairs what the last agent left, opens the active segment and
  // reserves numbers. Throws SystemError, with nothing half-written.
  explicit Ledger(const LedgerOptions& options);
  ~Ledger() override;

  const LedgerOpening& opening() const { return opening_; }
  // What the beginning of a new segment has to say of the one before; nothing when there is none.
  // Reads all of that, so it is asked for when events are already being received.
  std::optional<SegmentSeal> seal_before() const;

  uint64_t next_sequence() const override { return next_.load(std::memory_order_relaxed); }
  const std::string& id_prefix() const override { return id_prefix_; }
  void take(const char* end) override;
  int flush() override;
  std::optional<Rotation> rotate(TimePoint at) override;
  void mark_covered(TimePoint at) override;

  // From the housekeeping thread, so often: syncs before the interval is over, reserves numbers and
  // disk blocks ahead. Returns an errno value when the disk refused to sync.
  Duration housekeeping_period() const;
  int housekeep(TimePoint at);
  // From a thread that others go before: hashes some of what has been written, so that a rotation
  // need only hash the rest. Whether there is more.
  bool hash_behind();

  // For retention, on any thread. Segments named by a lower number may go when keep_from() returns.
  void keep_from(uint64_t sequence);
  uint64_t kept_from();
  // Of the segment that is being written: the number of its first line, 0 while there is none; its
  // bytes.
  uint64_t active_first_sequence();
  uint64_t active_bytes();

  // Flushes, syncs and leaves the mark of a clean stop, the record being whole up to `covered_to`.
  // False, with nothing marked, when lines could not be written.
  bool close_clean(TimePoint covered_to);

 private:
  void recover();
  void judge_mark(StartPlan::Before before, TimePoint last_time);
  void open_active(const StartPlan& plan, const SegmentTail& found);
  void seal(const std::string& path, const StartPlan& plan, bool ends_in_newline);
  UniqueFd make_active_file();
  void remember_active();
  bool is_rotation_due(TimePoint at);
  std::unique_ptr<ActiveSegment> begin_segment(const std::string& sealed, TimePoint at);
  std::optional<SegmentSeal> describe_active(const std::string& name);
  void set_owner(int fd, const std::string& path, unsigned mode);
  void share_state(bool made);
  void reserve(uint64_t from);

  const LedgerOptions options_;
  const std::string active_path_;
  UniqueFd directory_fd_;  // locked
  gid_t group_ = static_cast<gid_t>(-1);
  bool sync_always_ = false;
  Duration sync_interval_{};  // zero: never, or always
  std::unique_ptr<StateFile> state_file_;
  std::unique_ptr<CoveredMark> covered_;
  LedgerOpening opening_;
  std::string id_prefix_;

  std::mutex active_mutex_;  // held to exchange the active segment, and by housekeeping to use it
  std::unique_ptr<ActiveSegment> active_;
  TimePoint rotate_from_;  // not before, after a failure

  std::atomic<uint64_t> next_{1};
  std::atomic<uint64_t> written_end_{0};  // lines below it are in the file
  std::atomic<uint64_t> reserved_to_{0};
  TimePoint last_sync_;

  std::mutex state_mutex_;  // guards state_ and state_file_
  LedgerState state_;
};

// The boot id of the running kernel.
std::string read_boot_id();

// Whether the file at the active segment's path has lines and is the one that the state names.
bool is_active_segment(const LedgerOptions& options);

// Whether some agent holds the lock of this ledger now.
bool is_being_written(const std::string& directory);

}  // namespace natledger
