// SPDX-License-Identifier: GPL-2.0-or-later
// A pipeline whose resync reads a table that the test fills.
#pragma once

#include <vector>

#include "unit/pipeline_fixture.h"

namespace natledger {

// A table that the resync dumps.
class ResyncTest : public PipelineTest {
 protected:
  ResyncTest() {
    make();
    pipeline_->begin(clock_, &resync_);
  }

  void entry(const GoldenRow& row) { table_.push_back(as_dumped(row.message)); }

  // One that the kernel says is so old.
  void entry_of_age(Duration age) {
    const auto start = static_cast<uint64_t>((clock_ - age).ns);
    const Blob told = attribute(CTA_TIMESTAMP_START, big_endian(start, 8));
    table_.push_back(as_dumped(natledger::event({orig(), reply(), nested(CTA_TIMESTAMP, {told})})));
  }

  // As the kernel sends an entry in a dump: NLM_F_MULTI instead of NLM_F_CREATE.
  static std::vector<std::byte> as_dumped(std::vector<std::byte> message) {
    message[6] = std::byte{2};
    message[7] = std::byte{0};
    return message;
  }

  // All that was sent before the dump, or the answer, has come. Dumps are timed by the real clock.
  void after_the_dump() {
    clock_ = now() + std::chrono::seconds{2};
    epoch_ = begun_epoch_;
  }
  // The comparison that the beginning asks for, with an empty table.
  void compared() {
    drained();
    after_the_dump();
    clock_ = now();
    drained();
    EXPECT_EQ(actions(), Words{"coverage-resume"});
  }

  // A flow that an event told of, and events lost behind it; the empty table is dumped again.
  void flow_and_loss() {
    compared();
    event(golden_row("tcp_snat", "NEW"));
    mark(RingEntry::Kind::kOverrun, 1);
    pass(2);
    drained();
  }

  std::vector<std::vector<std::byte>> table_;
  int dumps_ = 0;
  int refused_dumps_ = 0;
  int resized_dumps_ = 0;  // during which the kernel's hash grew
  uint64_t buckets_ = 65536;
  uint64_t begun_epoch_ = 0;
  int refused_queries_ = 0;
  std::vector<AskedTuple> asked_;
  std::vector<std::vector<std::byte>> answers_;
  Resync resync_{{.dump =
                      [this](const MessageVisit& visit) {
                        if (++dumps_ <= refused_dumps_) {
                          throw DumpError("read the conntrack table: no");
                        }
                        for (const auto& message : table_) visit(message);
                        if (dumps_ <= resized_dumps_) buckets_ *= 2;
                      },
                  .query =
                      [this](std::span<const AskedTuple> asked, const MessageVisit& visit) {
                        if (--refused_queries_ >= 0) throw DumpError("ask for an entry: no");
                        asked_.assign(asked.begin(), asked.end());
                        for (const auto& message : answers_) visit(message);
                      },
                  .buckets = [this] { return buckets_; },
                  .begin_epoch = [this] { return ++begun_epoch_; }},
                 std::chrono::hours{1}};
};

}  // namespace natledger
