// SPDX-License-Identifier: GPL-2.0-or-later
// Events, marks and a table in; lines and balanced books out.
#include <errno.h>

#include "unit/pipeline_fixture.h"

namespace natledger {
namespace {

TEST_F(PipelineTest, EachMessageIsOfOneKind) {
  make(kNewEvents);
  pipeline_->begin(clock_, nullptr);
  event(golden_row("tcp_snat", "NEW"));
  event(golden_row("tcp_snat", "DESTROY"));                     // not asked for
  bytes(from_hex("14000000000a0006000000000000000002000000"));  // an nf_tables message
  bytes(from_hex("ffffffff"));
  std::vector<std::byte> cut = golden_row("tcp_snat", "NEW").message;
  cut[22] = std::byte{0xff};  // the length of the first attribute
  bytes(cut);
  mark(RingEntry::Kind::kForeign, 100);
  drained();
  const Stats stats = pipeline_->stats();
  EXPECT_EQ(stats.received, 6U);
  EXPECT_EQ(stats.flows, 1U);
  EXPECT_EQ(stats.filtered, 1U);
  EXPECT_EQ(stats.ignored, 2U);
  EXPECT_EQ(stats.malformed, 2U);
  // What was not understood may have been any event.
  EXPECT_EQ(actions(), (Words{"start", "coverage-gap"}));
  EXPECT_EQ(parse_record(sink_.lines[1])->coverage->reason, "malformed");
}

TEST_F(PipelineTest, AFullTableOfFlowsIsAGap) {
  most_flows_ = 1;
  make();
  pipeline_->begin(clock_, nullptr);
  event(golden_row("tcp_snat", "NEW"));
  drained();
  event(golden_row("tcp6_dnat", "NEW"));
  drained();
  EXPECT_EQ(actions(), (Words{"start", "start", "coverage-gap"}));
  EXPECT_EQ(parse_record(sink_.lines[2])->coverage->reason, "table-full");
}

TEST_F(PipelineTest, ALossIsAGapFromTheLastDrainToTheMark) {
  make();
  pipeline_->begin(clock_, nullptr);
  event(golden_row("tcp_snat", "NEW"));
  drained();
  EXPECT_EQ(sink_.covered_to, clock_);
  const TimePoint drained_at = clock_;
  pass(5);
  mark(RingEntry::Kind::kOverrun, 1234);
  drained();
  EXPECT_EQ(actions(), (Words{"start", "coverage-gap"}));
  const auto gap = *parse_record(sink_.lines[1])->coverage;
  EXPECT_EQ(gap.reason, "overrun");
  EXPECT_EQ(gap.from, drained_at);
  EXPECT_EQ(gap.to, clock_);
  EXPECT_NE(sink_.lines[1].find(R"("coverage.dropped":1234,"coverage.dropped_exact":true)"),
            std::string::npos);
  pass(5);
  mark(RingEntry::Kind::kOverrun, 0);
  drained();
  EXPECT_EQ(sink_.lines[2].find("coverage.dropped"), std::string::npos) << "unknown is absent";
  pass(5);
  mark(RingEntry::Kind::kOversize, 5000);
  drained();
  EXPECT_EQ(parse_record(sink_.lines[3])->coverage->reason, "oversize");
  EXPECT_EQ(pipeline_->stats().dropped, 1234U);
}

TEST_F(PipelineTest, LossesThatRepeatAreLoggedEveryTenSeconds) {
  const TempDir dir;
  open_log({.level = "info", .to = dir / "log"});
  make();
  pipeline_->begin(clock_, nullptr);
  for (int i = 0; i < 1000; ++i) mark(RingEntry::Kind::kOversize, 5000);
  mark(RingEntry::Kind::kOverrun, 7);
  pass(10);
  mark(RingEntry::Kind::kOversize, 5000);
  drained();
  open_log({});
  EXPECT_EQ(actions(), Words(1002, "coverage-gap"));
  const std::string log = read_file(dir / "log").value_or("");
  Words said;
  for (size_t at = 0; (at = log.find("events were lost", at)) != log.npos; ++at) {
    said.push_back(log.substr(at, log.find('\n', at) - at));
  }
  constexpr const char* kRemedy =
      "; the ledger says when (a capture must hold whole packets; if the kernel sent it, report "
      "it)";
  EXPECT_EQ(said,
            (Words{std::string{"events were lost (oversize): 1"} + kRemedy,
                   "events were lost (overrun): 7; the ledger says when (raise "
                   "source.receive_buffer)",
                   std::string{"events were lost (oversize): 1, and 999 times more before it"} +
                       kRemedy}));
}

TEST_F(PipelineTest, ASinkThatRefusesIsAskedAgainAndNothingIsLost) {
  make();
  pipeline_->begin(clock_, nullptr);
  sink_.refuse_with = ENOSPC;
  event(golden_row("tcp_snat", "NEW"));
  mark(RingEntry::Kind::kDrained);
  ring_.publish();
  patience_ = 3;
  EXPECT_THROW(pipeline_->drain(ring_), SystemError);
  EXPECT_EQ(patience_, -1);
  EXPECT_FALSE(sink_.covered_to.known()) << "what is not written is not covered";
  sink_.refuse_with = 0;
  pipeline_->flush();
  EXPECT_EQ(actions(), (Words{"start"}));
}

TEST_F(PipelineTest, AnEndSaysWhatItsStartSaid) {
  make();
  pipeline_->begin(clock_, nullptr);
  event(golden_row("tcp_helper_ftp", "NEW"));
  event(golden_row("tcp_helper_ftp", "DESTROY"));
  drained();
  const std::string& end = sink_.lines[1];
  EXPECT_NE(end.find(R"("flow.id": "test-0-1")"), std::string::npos);
  EXPECT_NE(end.find(R"("conntrack.helper": "ftp")"), std::string::npos);
  EXPECT_EQ(pipeline_->live_flows().size(), 0U);
}

TEST_F(PipelineTest, WhatIsToldTwiceIsCountedAndNoRecord) {
  make();
  pipeline_->begin(clock_, nullptr);
  event(golden_row("tcp_snat", "NEW"));
  event(golden_row("tcp_snat", "DESTROY"));
  event(golden_row("tcp_snat", "DESTROY"));
  drained();
  EXPECT_EQ(actions(), (Words{"start", "end"}));
  EXPECT_EQ(pipeline_->stats().duplicate, 1U);
}

TEST_F(PipelineTest, AsToldALineIsAnEventAndNoMore) {
  as_told_ = true;
  make();
  pipeline_->begin(clock_, nullptr);
  event(golden_row("tcp_snat", "NEW"));
  event(golden_row("tcp_snat", "DESTROY"));
  event(golden_row("tcp_snat", "DESTROY"));
  event(golden_row("tcp_snat", "NEW"));
  event(golden_row("tcp_snat", "NEW"));
  drained();
  EXPECT_EQ(actions(), (Words{"start", "end", "end", "start", "start"}));
}

TEST_F(PipelineTest, EventsThatAreTurnedOffAreAGapUntilTheyAreOnAgain) {
  heartbeat_ = std::chrono::seconds{60};
  make();
  pipeline_->begin(clock_, nullptr);
  const TimePoint last_on = clock_;
  for (const bool sends : {false, false, true, true}) {
    kernel_sends_ = sends;
    pass(30);
    drained();
    pass(30);
    drained();
  }
  EXPECT_EQ(actions(), (Words{"coverage-gap", "heartbeat", "coverage-gap", "heartbeat",
                              "coverage-gap", "heartbeat", "heartbeat"}));
  TimePoint told_to = last_on;
  for (const std::string& line : sink_.lines) {
    const CoverageLine told = *parse_record(line)->coverage;
    if (told.action != "coverage-gap") continue;
    EXPECT_EQ(told.reason, "events-off");
    EXPECT_EQ(told.from, told_to);
    told_to = told.to;
  }
  EXPECT_EQ(told_to, last_on + std::chrono::seconds{180});
}

}  // namespace
}  // namespace natledger
