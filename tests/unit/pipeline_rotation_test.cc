// SPDX-License-Identifier: GPL-2.0-or-later
// What the pipeline writes when lines go into a new file.
#include <gtest/gtest.h>

#include "agent/config.h"
#include "agent/pipeline.h"
#include "lookup/record.h"
#include "unit/test_support.h"

namespace natledger {
namespace {

class PipelineRotationTest : public testing::Test {
 protected:
  void event(const GoldenRow& row) { ring_.push_datagram(clock_, row.message); }
  void mark(RingEntry::Kind kind, uint64_t count = 0) { ring_.push_mark(kind, clock_, count); }
  void drained() {
    mark(RingEntry::Kind::kDrained);
    ring_.publish();
    pipeline_.drain(ring_);
    EXPECT_TRUE(pipeline_.stats().balances());
  }
  void pass(int64_t s) { clock_ = clock_ + std::chrono::seconds{s}; }
  // The dump is timed by the real clock.
  void after_the_dump() { clock_ = now() + std::chrono::seconds{2}; }

  std::vector<std::string> actions() const {
    std::vector<std::string> found;
    for (const std::string& line : sink_.lines) {
      const auto record = parse_record(line);
      found.push_back(record && record->coverage ? record->coverage->action : "flow");
    }
    return found;
  }
  EncoderOptions encoding() const {
    EncoderOptions encoding;
    encoding.id_prefix = sink_.prefix;
    return encoding;
  }

  using Words = std::vector<std::string>;

  MemorySink sink_;
  CoverageLog coverage_{sink_, "gw1"};
  EventRing ring_{4 << 20};
  TimePoint clock_{1795331340000000000};
  Resync resync_{{.dump = [](const MessageVisit&) {},
                  .query = {},
                  .buckets = [] { return uint64_t{65536}; },
                  .begin_epoch = [] { return uint64_t{0}; }},
                 Duration::zero()};
  Pipeline pipeline_{{.sink = sink_,
                      .encoder = make_encoder(Record::kFull, encoding()),
                      .enrichers = make_enrichers(Config{}),
                      .events = kNewEvents | kDestroyEvents,
                      .max_flows = 1000,
                      .coverage = &coverage_,
                      .wait_for_sink = nullptr,
                      .heartbeat = {},
                      .orders = nullptr}};
};

TEST_F(PipelineRotationTest, ANewSegmentBeginsWithTheSealAndWhatIsBeingRecorded) {
  coverage_.start(clock_, 5, {});
  coverage_.resume(clock_, clock_, 1);
  pipeline_.begin(clock_, nullptr);
  event(golden_row("tcp_snat", "NEW"));
  pass(5);
  sink_.rotation = Rotation{SegmentSeal{"a name", 1, 3, 99, "ab", "cd"}, {}};
  drained();
  EXPECT_EQ(actions(), (Words{"coverage-start", "coverage-resume", "flow", "segment-sealed",
                              "coverage-config"}));
  const auto config = *parse_record(sink_.lines[4])->coverage;
  EXPECT_EQ(config.at, clock_);
  EXPECT_EQ(config.events, (Words{"new", "destroy"}));
  EXPECT_EQ(config.open_from_sequence, 3U) << "the one flow that is open";
  EXPECT_EQ(sink_.covered_to, clock_);
}

TEST_F(PipelineRotationTest, BehindALossANewSegmentDoesNotVouchForWhatIsOpen) {
  coverage_.start(clock_, 5, {});
  coverage_.resume(clock_, clock_, 1);
  pipeline_.begin(clock_, nullptr);
  mark(RingEntry::Kind::kOverrun, 1);
  sink_.rotation = Rotation{SegmentSeal{"a name", 1, 3, 99, "ab", "cd"}, {}};
  drained();
  EXPECT_EQ(actions().back(), "coverage-config");
  EXPECT_EQ(sink_.lines.back().find("open_from_sequence"), std::string::npos);
}

TEST_F(PipelineRotationTest, LinesThatTheDiskDidNotTakeAreAGapAndItEnds) {
  pipeline_.begin(clock_, &resync_);
  drained();
  after_the_dump();
  drained();
  const TimePoint written = clock_;
  pass(5);
  sink_.rotation = Rotation{{}, written};
  drained();
  EXPECT_EQ(actions(), (Words{"coverage-resume", "coverage-gap"}));
  const auto gap = *parse_record(sink_.lines[1])->coverage;
  EXPECT_EQ(gap.reason, "sync-failed");
  EXPECT_EQ(utc_text(gap.from), utc_text(written));
  EXPECT_EQ(utc_text(gap.to), utc_text(clock_));
  pass(5);
  drained();
  after_the_dump();
  drained();
  EXPECT_EQ(actions().back(), "coverage-resume");
}

}  // namespace
}  // namespace natledger
