// SPDX-License-Identifier: GPL-2.0-or-later
// A pipeline that is given orders while events come: reloads, settings of the clock; and its
// heartbeats.
#include "agent/orders.h"

#include <gtest/gtest.h>

#include "agent/config.h"
#include "agent/pipeline.h"
#include "unit/json_line.h"
#include "unit/test_support.h"

namespace natledger {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

class OrdersTest : public testing::Test {
 protected:
  OrdersTest() { coverage_.start(clock_, kNewEvents | kDestroyEvents, {}); }

  void make(Duration heartbeat = {}) {
    pipeline_ = std::make_unique<Pipeline>(
        PipelineParts{.sink = sink_,
                      .encoder = make_record_encoder(named({}), {sink_.prefix, {}}),
                      .enrichers = make_enrichers(Config{}),
                      .events = kNewEvents | kDestroyEvents,
                      .max_flows = 1000,
                      .coverage = &coverage_,
                      .wait_for_sink = nullptr,
                      .heartbeat = heartbeat,
                      .orders = &orders_});
    pipeline_->begin(clock_, &resync_);
  }

  static Config named(std::vector<std::string> tags) {
    Config config;
    config.observer.name = "gw1";
    config.tags = std::move(tags);
    return config;
  }

  void reload(uint64_t epoch, const std::string& tag, uint32_t events) {
    Reconfiguration wanted;
    wanted.epoch = epoch;
    wanted.encoder = make_record_encoder(named({tag}), {sink_.prefix, {}});
    wanted.observer = "gw2";
    wanted.events = events;
    wanted.applied = [this, epoch] { applied_.push_back(epoch); };
    orders_.reconfigure(std::move(wanted));
  }

  void event(const char* name, const char* event) {
    ring_.push_datagram(clock_, golden_row(name, event).message);
  }
  void drained(uint64_t epoch) {
    ring_.push_mark(RingEntry::Kind::kDrained, clock_, epoch);
    ring_.publish();
    pipeline_->drain(ring_);
    EXPECT_TRUE(pipeline_->stats().balances());
  }
  void pass(Duration time) { clock_ = clock_ + time; }

  // Each line's action, with its tag.
  std::vector<std::string> told() const {
    std::vector<std::string> found;
    for (const std::string& line : sink_.lines) {
      const auto record = parse_line(line + "\n");
      std::string text = record["event.action"].GetString();
      if (record.HasMember("tags")) text.append(" ").append(record["tags"][0].GetString());
      found.push_back(text);
    }
    return found;
  }
  rapidjson::Document last() {
    sink_.flush();
    return parse_line(sink_.lines.back() + "\n");
  }

  using Words = std::vector<std::string>;

  MemorySink sink_;
  CoverageLog coverage_{sink_, "gw1"};
  Orders orders_;
  EventRing ring_{4 << 20};
  int dumps_ = 0;
  uint64_t look_epoch_ = UINT64_MAX;  // in which the events sent before a dump have come: never
  Resync resync_{{.dump = [this](const MessageVisit&) { ++dumps_; },
                  .query = {},
                  .buckets = [] { return uint64_t{65536}; },
                  .begin_epoch = [this] { return look_epoch_; }},
                 Duration::zero()};
  std::unique_ptr<Pipeline> pipeline_;
  TimePoint clock_{1795331340 * kNsPerSecond};
  std::vector<uint64_t> applied_;
};

TEST_F(OrdersTest, AReloadTakesEffectWhereTheSocketWasEmptyInItsEpoch) {
  make();
  reload(3, "new", kNewEvents | kDestroyEvents);
  event("tcp_snat", "NEW");
  drained(2);
  EXPECT_EQ(applied_, std::vector<uint64_t>{});
  event("tcp_snat", "DESTROY");
  pass(seconds{1});
  drained(3);
  EXPECT_EQ(applied_, std::vector<uint64_t>{3});
  event("udp_snat", "NEW");
  drained(3);
  EXPECT_EQ(told(), (Words{"coverage-start", "flow-start", "flow-end", "coverage-config",
                           "flow-start new"}));
  const auto config = parse_line(sink_.lines[3] + "\n");
  EXPECT_EQ(config["@timestamp"].GetString(), utc_text(clock_));
  EXPECT_STREQ(config["observer.name"].GetString(), "gw2");
  EXPECT_EQ(config["coverage.events"].Size(), 2U);
  EXPECT_STREQ(parse_line(sink_.lines[4] + "\n")["event.id"].GetString(), "test-0-5");
}

TEST_F(OrdersTest, AReloadThatWasNotFollowedYetIsReplacedByTheNext) {
  make();
  reload(1, "one", kNewEvents);
  reload(2, "two", kNewEvents | kDestroyEvents);
  drained(1);
  EXPECT_EQ(told(), Words{"coverage-start"}) << "what replaced it has not begun";
  drained(2);
  event("tcp_snat", "NEW");
  drained(2);
  EXPECT_EQ(told(), (Words{"coverage-start", "coverage-config", "flow-start two"}));
  EXPECT_EQ(applied_, std::vector<uint64_t>{2});
}

TEST_F(OrdersTest, EventsThatAreNotWantedAnyMoreArePassedOver) {
  make();
  reload(1, "t", kNewEvents);
  drained(1);
  event("tcp_snat", "NEW");
  event("tcp_snat", "DESTROY");
  drained(1);
  EXPECT_EQ(told(), (Words{"coverage-start", "coverage-config", "flow-start t"}));
  EXPECT_EQ(pipeline_->stats().filtered, 1U);
}

TEST_F(OrdersTest, WhoAsksForStartsTooGetsTheFlowsThatAreOpen) {
  look_epoch_ = 0;
  make();
  drained(0);
  const int dumps = dumps_;
  clock_ = now() + seconds{2};
  drained(0);
  ASSERT_EQ(told().back(), "coverage-resume");
  reload(1, "t", kDestroyEvents);
  drained(1);
  clock_ = now() + seconds{4};
  drained(1);
  EXPECT_EQ(dumps_, dumps) << "fewer events are no reason";
  reload(2, "t", kNewEvents | kDestroyEvents);
  drained(2);
  drained(2);
  EXPECT_EQ(dumps_, dumps + 1);
  clock_ = now() + seconds{6};
  drained(2);
  EXPECT_EQ(told(), (Words{"coverage-start", "coverage-resume", "coverage-config",
                           "coverage-config", "coverage-resume"}));
}

TEST_F(OrdersTest, AStepOfTheClockIsToldWithWhatItCastsDoubtOn) {
  make();
  const TimePoint begin = clock_;
  pass(seconds{100});
  const TimePoint before = clock_;
  pass(-hours{1});
  orders_.tell_step(1, {-hours{1}, clock_});
  drained(0);
  EXPECT_EQ(told(), Words{"coverage-start"}) << "that mark may be older than the step";
  pass(seconds{1});
  drained(1);
  EXPECT_EQ(told(), (Words{"coverage-start", "clock-step"}));
  const auto record = last();
  EXPECT_EQ(record["coverage.clock.step_ns"].GetInt64(), -3600 * kNsPerSecond);
  EXPECT_EQ(record["@timestamp"].GetString(), utc_text(clock_));
  EXPECT_EQ(record["coverage.from"].GetString(), utc_text(before - hours{1}))
      << "of the new time, which is before the run began";
  EXPECT_EQ(record["coverage.to"].GetString(), utc_text(before));
  EXPECT_GT(begin, before - hours{1});
}

TEST_F(OrdersTest, TimesAreDoubtedFromWhenTheClockWasSynchronised) {
  make();
  pass(seconds{100});
  coverage_.heartbeat(clock_, {}, 0, {.synchronised = true, .error = Duration{1000}});
  EXPECT_TRUE(last()["coverage.clock.synchronised"].GetBool());
  EXPECT_EQ(last()["coverage.clock.error_ns"].GetInt64(), 1000);
  const TimePoint right = clock_;
  pass(seconds{60});
  coverage_.heartbeat(clock_, {}, 0, {.synchronised = false});
  pass(seconds{60});
  coverage_.clock_step(clock_, {seconds{5}, clock_});
  EXPECT_EQ(last()["coverage.from"].GetString(), utc_text(right));
  EXPECT_EQ(last()["coverage.to"].GetString(), utc_text(clock_));
}

TEST_F(OrdersTest, AStepBackDoesNotHoldUpAComparison) {
  look_epoch_ = 1;
  make();
  clock_ = now();
  drained(0);
  ASSERT_EQ(dumps_, 1);
  pass(-hours{1});
  orders_.tell_step(1, {-hours{1}, clock_});
  drained(1);
  EXPECT_EQ(told(), (Words{"coverage-start", "coverage-resume", "clock-step"}));
  reload(2, "t", kNewEvents | kUpdateEvents | kDestroyEvents);
  drained(2);
  drained(2);
  EXPECT_EQ(dumps_, 2) << "nor the next one for an hour";
}

TEST_F(OrdersTest, AGapAcrossAStepBackReachesFromTheEarlierToTheLater) {
  make();
  drained(0);
  const TimePoint before = clock_;
  pass(-hours{1});
  ring_.push_mark(RingEntry::Kind::kOverrun, clock_, 5);
  drained(0);
  EXPECT_EQ(told().back(), "coverage-gap");
  EXPECT_EQ(last()["coverage.from"].GetString(), utc_text(clock_));
  EXPECT_EQ(last()["coverage.to"].GetString(), utc_text(before));
}

TEST_F(OrdersTest, AHeartbeatSaysWhatHasComeSoFar) {
  make(seconds{60});
  event("tcp_snat", "NEW");
  event("udp_snat", "NEW");
  event("tcp_snat", "DESTROY");
  pass(seconds{59});
  drained(0);
  EXPECT_EQ(sink_.lines.size(), 4U) << "not due";
  pass(seconds{1});
  drained(0);
  drained(0);
  ASSERT_EQ(sink_.lines.size(), 5U);
  const auto record = last();
  EXPECT_STREQ(record["event.action"].GetString(), "heartbeat");
  EXPECT_EQ(record["@timestamp"].GetString(), utc_text(clock_));
  EXPECT_EQ(record["coverage.count.flows"].GetUint64(), 3U);
  EXPECT_EQ(record["coverage.count.received"].GetUint64(), 3U);
  EXPECT_EQ(record["coverage.live_flows"].GetUint64(), 1U);
  EXPECT_TRUE(record.HasMember("coverage.clock.synchronised"));
  EXPECT_TRUE(record.HasMember("coverage.clock.error_ns"));
  pass(seconds{60});
  drained(0);
  EXPECT_EQ(sink_.lines.size(), 6U);
}

TEST_F(OrdersTest, HeartbeatsGoOnWhenTheClockIsSetBack) {
  make(seconds{60});
  pass(seconds{60});
  drained(0);
  pass(-hours{1});
  drained(0);
  pass(seconds{60});
  drained(0);
  EXPECT_EQ(told(), (Words{"coverage-start", "heartbeat", "heartbeat", "heartbeat"}));
}

}  // namespace
}  // namespace natledger
