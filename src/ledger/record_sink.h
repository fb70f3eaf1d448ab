// SPDX-License-Identifier: GPL-2.0-or-later
// Where the pipeline's lines go. Two implementations: the ledger, and a stream such as standard
// output for `replay` and `table`.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/line_buffer.h"
#include "base/time.h"
#include "ledger/seal.h"

namespace natledger {

// What a new segment has to say of the one before it.
struct Rotation {
  std::optional<SegmentSeal> seal;  // nothing: it could not be read back
  // The disk refused to sync it: what was written since then may be lost; else the zero instant.
  TimePoint unsynced_from;
};

class RecordSink {
 public:
  virtual ~RecordSink() = default;

  // The number the next line will have; the line says so itself.
  virtual uint64_t next_sequence() const = 0;
  // "<ledger id>-<epoch>-".
  virtual const std::string& id_prefix() const = 0;

  // The line numbered next_sequence(), its '\n' included, is written into room() and taken from
  // there. It is kept in memory until flush(); the caller bounds how much.
  char* room(size_t bytes) { return kept_.room(bytes); }
  virtual void take(const char* end) { kept_.take(end); }
  void append(std::string_view line) {
    char* out = room(line.size());
    take(std::copy(line.begin(), line.end(), out));
  }
  size_t kept_bytes() const { return kept_.size(); }

  // Writes what is kept. 0, or an errno value when the rest has to wait: call again later; until
  // then nothing else is written.
  virtual int flush() = 0;

  // To be called when flush() has left nothing, now and then also where nothing comes. When lines
  // go into a new file from now on: what has to stand first in it.
  virtual std::optional<Rotation> rotate([[maybe_unused]] TimePoint at) { return {}; }

  // All that happened before `at` has been appended and flushed.
  virtual void mark_covered(TimePoint at) = 0;

 protected:
  LineBuffer kept_;
};

// Lines to a descriptor that it does not own, as one stream with sequences from 1.
class StreamSink final : public RecordSink {
 public:
  StreamSink(int fd, const std::string& ledger_id);

  uint64_t next_sequence() const override { return next_; }
  const std::string& id_prefix() const override { return id_prefix_; }
  void take(const char* end) override;
  // Throws SystemError when the stream is broken.
  int flush() override;
  void mark_covered(TimePoint) override {}

 private:
  const int fd_;
  const std::string id_prefix_;
  uint64_t next_ = 1;
};

}  // namespace natledger
