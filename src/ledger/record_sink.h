// SPDX-License-Identifier: GPL-2.0-or-later
// Where the pipeline's lines go. Two implementations: the ledger, and a stream such as standard
// output for `replay` and `table`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"

namespace natledger {

class RecordSink {
 public:
  virtual ~RecordSink() = default;

  // The number the next line will have; the line says so itself.
  virtual uint64_t next_sequence() const = 0;
  // "<ledger id>-<epoch>-".
  virtual const std::string& id_prefix() const = 0;

  // Takes the line numbered next_sequence(), its '\n' included. It is kept in memory until flush();
  // the caller bounds how much.
  virtual void append(std::string_view line) = 0;
  virtual size_t kept_bytes() const = 0;

  // Writes what is kept. 0, or an errno value when the rest has to wait: call again later; until
  // then nothing else is written.
  virtual int flush() = 0;

  // All that happened before `at` has been appended and flushed.
  virtual void mark_covered(TimePoint at) = 0;
};

// Lines to a descriptor that it does not own, as one stream with sequences from 1.
class StreamSink final : public RecordSink {
 public:
  StreamSink(int fd, const std::string& ledger_id);

  uint64_t next_sequence() const override { return next_; }
  const std::string& id_prefix() const override { return id_prefix_; }
  void append(std::string_view line) override;
  size_t kept_bytes() const override { return kept_.size(); }
  // Throws SystemError when the stream is broken.
  int flush() override;
  void mark_covered(TimePoint) override {}

 private:
  const int fd_;
  const std::string id_prefix_;
  uint64_t next_ = 1;
  std::string kept_;
};

}  // namespace natledger
