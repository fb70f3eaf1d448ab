// SPDX-License-Identifier: GPL-2.0-or-later
// A ledger that tests open, write, and leave as an agent can.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/file.h"
#include "ledger/ledger.h"
#include "ledger/reader.h"
#include "ledger/segment.h"
#include "unit/test_support.h"

namespace natledger {

class LedgerTest : public testing::Test {
 protected:
  LedgerOptions options() const {
    return {.directory = dir_ / "ledger",
            .state = dir_ / "state",
            .sync = "never",
            .group = "",
            .rotate = rotate_,
            .keep = keep_};
  }

  void open() { ledger_ = std::make_unique<Ledger>(options()); }

  // One record, flushed.
  void write(const std::string& what = "x") {
    const std::string sequence = std::to_string(ledger_->next_sequence());
    ledger_->append(R"({"what": ")" + what + R"(", "@timestamp": "2026-11-22T07:09:00.000000Z", )" +
                    R"("event.sequence": )" + sequence + R"(, "event.id": ")" +
                    ledger_->id_prefix() + sequence + "\"}\n");
    ASSERT_EQ(ledger_->flush(), 0);
  }

  void stop() {
    ASSERT_TRUE(ledger_->close_clean({1000}));
    ledger_.reset();
  }
  // What SIGKILL does.
  void kill() { ledger_.reset(); }

  void append_bytes(const std::string& bytes) {
    const UniqueFd fd = open_file(active(), O_WRONLY | O_APPEND);
    ASSERT_TRUE(write_whole(fd.get(), bytes));
  }

  std::vector<uint64_t> sequences(uint64_t* torn = nullptr) const {
    LedgerReader reader{dir_ / "ledger"};
    std::vector<uint64_t> found;
    LedgerLine line;
    while (reader.next(line)) found.push_back(line.sequence);
    if (torn != nullptr) *torn = reader.torn_lines();
    return found;
  }

  std::string active() const { return dir_ / "ledger/conntrack.json"; }
  std::string sealed(uint64_t first) const { return dir_ / ("ledger/" + sealed_name(first)); }
  static struct stat status(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) < 0) return {};
    return status;
  }
  static ino_t inode(const std::string& path) { return status(path).st_ino; }
  static uint64_t blocks_bytes(const struct stat& status) {
    return static_cast<uint64_t>(status.st_blocks) * 512;
  }

  TempDir dir_;
  RotateOptions rotate_;
  KeepOptions keep_;
  std::unique_ptr<Ledger> ledger_;
};

}  // namespace natledger
