// SPDX-License-Identifier: GPL-2.0-or-later
// Events and marks in; lines and balanced books out.
#pragma once

#include <gtest/gtest.h>

#include "agent/config.h"
#include "agent/pipeline.h"
#include "base/error.h"
#include "base/file.h"
#include "lookup/record.h"
#include "unit/conntrack_message.h"
#include "unit/test_support.h"

namespace natledger {

class PipelineTest : public testing::Test {
 protected:
  void make(uint32_t events = kNewEvents | kDestroyEvents) {
    EncoderOptions encoding;
    encoding.id_prefix = sink_.prefix;
    pipeline_ = std::make_unique<Pipeline>(
        PipelineParts{.sink = sink_,
                      .encoder = make_encoder(Record::kFull, encoding),
                      .enrichers = make_enrichers(Config{}),
                      .events = events,
                      .as_told = as_told_,
                      .max_flows = most_flows_,
                      .coverage = &coverage_,
                      .wait_for_sink = [this](int) { return --patience_ >= 0; },
                      .heartbeat = heartbeat_,
                      .sends_events = [this] { return kernel_sends_; }});
  }

  void event(const GoldenRow& row) { ring_.push_datagram(clock_, row.message); }
  void bytes(const std::vector<std::byte>& message) { ring_.push_datagram(clock_, message); }
  void mark(RingEntry::Kind kind, uint64_t count = 0) { ring_.push_mark(kind, clock_, count); }
  void drained() {
    mark(RingEntry::Kind::kDrained, epoch_);
    ring_.publish();
    pipeline_->drain(ring_);
    EXPECT_TRUE(pipeline_->stats().balances());
  }
  void pass(int64_t s) { clock_ = clock_ + std::chrono::seconds{s}; }

  std::vector<std::string> actions() const {
    std::vector<std::string> found;
    for (const std::string& line : sink_.lines) {
      const auto record = parse_record(line);
      if (!record) {
        found.push_back("no record");
      } else if (record->coverage) {
        found.push_back(record->coverage->action);
      } else {
        const std::string what = record->flow->is_end ? "end" : "start";
        found.push_back(record->flow->end_not_after.known() ? "inferred " + what : what);
      }
    }
    return found;
  }

  using Words = std::vector<std::string>;

  MemorySink sink_;
  CoverageLog coverage_{sink_, "gw1"};
  EventRing ring_{4 << 20};
  std::unique_ptr<Pipeline> pipeline_;
  TimePoint clock_{1795331340000000000};
  int patience_ = 0;
  Duration heartbeat_{};
  bool kernel_sends_ = true;
  bool as_told_ = false;
  uint64_t epoch_ = 0;  // of the socket
  size_t most_flows_ = 1000;
};

}  // namespace natledger
