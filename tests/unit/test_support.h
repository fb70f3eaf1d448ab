// SPDX-License-Identifier: GPL-2.0-or-later
// What several tests need: the recorded messages, temporary directories, a sink in memory.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "ledger/record_sink.h"

namespace natledger {

// One row of tests/golden/ulogd-golden.jsonl: the bytes of a message, and what ulogd2 made of them.
struct GoldenRow {
  std::string name;   // the case
  std::string event;  // NEW, UPDATE, DESTROY
  std::string mode;
  std::string tz;
  std::string ulogd;  // the version
  std::vector<std::byte> message;
  TimePoint received;
  std::string json;    // empty: ulogd2 printed nothing
  std::string logemu;  // without its '\n'
  int acct = 0;
  int timestamp = 0;

  bool event_mode() const { return mode.find("hash_enable=0") != std::string::npos; }
};
const std::vector<GoldenRow>& golden_rows();
// The first row of a case and event in event mode, made by 2.0.8.
const GoldenRow& golden_row(std::string_view name, std::string_view event);

std::vector<std::byte> from_hex(std::string_view hex);
std::string test_data(const std::string& path);

// Seconds after 12:00:00 of one day.
TimePoint at(double seconds);

// For what asks whether to go on.
inline bool always() { return true; }

// A directory that is removed with everything in it.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// Keeps lines; refuses to write when told to.
class MemorySink final : public RecordSink {
 public:
  uint64_t next_sequence() const override { return lines.size() + unflushed_ + 1; }
  const std::string& id_prefix() const override { return prefix; }
  void take(const char* end) override;
  int flush() override;
  std::optional<Rotation> rotate(TimePoint) override { return std::exchange(rotation, {}); }
  void mark_covered(TimePoint at) override { covered_to = at; }

  std::string prefix = "test-0-";
  std::vector<std::string> lines;  // flushed, without '\n'
  TimePoint covered_to;
  std::optional<Rotation> rotation;  // for the next rotate()
  int refuse_with = 0;               // an errno value for flush()

 private:
  size_t unflushed_ = 0;
};

}  // namespace natledger
