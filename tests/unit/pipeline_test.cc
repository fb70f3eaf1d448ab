// SPDX-License-Identifier: GPL-2.0-or-later
// Events, marks and a table in; lines and balanced books out.
#include "agent/pipeline.h"

#include <errno.h>

#include <gtest/gtest.h>

#include "agent/config.h"
#include "base/error.h"
#include "base/file.h"
#include "lookup/record.h"
#include "unit/conntrack_message.h"
#include "unit/test_support.h"

namespace natledger {
namespace {

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
                      .max_flows = most_flows_,
                      .coverage = &coverage_,
                      .wait_for_sink = [this](int) { return --patience_ >= 0; }});
  }

  void event(const GoldenRow& row) { ring_.push_datagram(clock_, row.message); }
  void bytes(const std::vector<std::byte>& message) { ring_.push_datagram(clock_, message); }
  void mark(RingEntry::Kind kind, uint64_t count = 0) { ring_.push_mark(kind, clock_, count); }
  void drained() {
    mark(RingEntry::Kind::kDrained);
    ring_.publish();
    pipeline_->drain(ring_);
    EXPECT_TRUE(pipeline_->stats().balances());
  }
  void pass(int64_t seconds) { clock_ = clock_ + std::chrono::seconds{seconds}; }

  std::vector<std::string> actions() const {
    std::vector<std::string> found;
    for (const std::string& line : sink_.lines) {
      const auto record = parse_record(line);
      if (!record) {
        found.push_back("no record");
      } else if (record->coverage) {
        found.push_back(record->coverage->action);
      } else {
        found.push_back(record->flow->is_end ? "end" : "start");
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
  size_t most_flows_ = 1000;
};

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

  // The dump is timed by the real clock.
  void after_the_dump() { clock_ = now() + std::chrono::seconds{2}; }

  std::vector<std::vector<std::byte>> table_;
  int dumps_ = 0;
  int refused_dumps_ = 0;
  int resized_dumps_ = 0;  // during which the kernel's hash grew
  uint64_t buckets_ = 65536;
  Resync resync_{[this](const MessageVisit& visit) {
                   if (++dumps_ <= refused_dumps_) throw DumpError("read the conntrack table: no");
                   for (const auto& message : table_) visit(message);
                   if (dumps_ <= resized_dumps_) buckets_ *= 2;
                 },
                 [this] { return buckets_; }};
};

TEST_F(ResyncTest, ADumpThatTheKernelRefusesIsTriedAgain) {
  refused_dumps_ = 1;
  entry(golden_row("tcp_snat", "NEW"));
  drained();
  after_the_dump();
  drained();
  EXPECT_EQ(actions(), Words{});
  EXPECT_EQ(dumps_, 2);
  after_the_dump();
  drained();
  EXPECT_EQ(actions(), (Words{"start", "coverage-resume"}));
}

TEST_F(ResyncTest, ADumpDuringWhichTheTableWasResizedIsMadeAgain) {
  resized_dumps_ = 2;
  entry(golden_row("tcp_snat", "NEW"));
  entry_of_age(std::chrono::seconds{10});
  drained();
  EXPECT_EQ(dumps_, 3);
  after_the_dump();
  drained();
  EXPECT_EQ(actions(), (Words{"start", "start", "coverage-resume"})) << "each entry once";
  EXPECT_EQ(dumps_, 3);
}

TEST_F(ResyncTest, ATableThatIsResizedAgainAndAgainIsLeftForLater) {
  resized_dumps_ = 3;
  entry(golden_row("tcp_snat", "NEW"));
  drained();
  EXPECT_EQ(dumps_, 3);
  after_the_dump();
  drained();
  EXPECT_EQ(actions(), Words{}) << "three dumps prove nothing";
  EXPECT_EQ(dumps_, 4);
  after_the_dump();
  drained();
  EXPECT_EQ(actions(), (Words{"start", "coverage-resume"}));
}

TEST_F(ResyncTest, AFlowThatNoEventToldOfIsAnInferredStart) {
  entry(golden_row("tcp_snat", "NEW"));
  drained();
  EXPECT_EQ(actions(), Words{});
  after_the_dump();
  drained();
  EXPECT_EQ(actions(), (Words{"start", "coverage-resume"}));
  EXPECT_NE(sink_.lines[0].find(R"("event.reason": "inferred")"), std::string::npos);
  EXPECT_NE(sink_.lines[0].find(R"("ct.event": 1)"), std::string::npos);
  EXPECT_EQ(pipeline_->stats().inferred, 1U);
  // Its end finds it.
  event(golden_row("tcp_snat", "DESTROY"));
  drained();
  EXPECT_NE(sink_.lines[2].find(R"("flow.id": "test-0-1")"), std::string::npos);
}

TEST_F(ResyncTest, WithoutNewEventsAnInferredStartIsNoRecordButItsEndKnowsIt) {
  make(kUpdateEvents | kDestroyEvents);
  pipeline_->begin(clock_, &resync_);
  entry(golden_row("tcp_helper_ftp", "NEW"));
  drained();
  after_the_dump();
  drained();
  EXPECT_EQ(actions(), Words{"coverage-resume"});
  EXPECT_EQ(pipeline_->live_flows().size(), 1U);
  EXPECT_EQ(pipeline_->stats().inferred, 0U);
  event(golden_row("tcp_helper_ftp", "DESTROY"));
  drained();
  EXPECT_EQ(actions(), (Words{"coverage-resume", "end"}));
  EXPECT_NE(sink_.lines[1].find(R"("conntrack.helper": "ftp")"), std::string::npos);
  EXPECT_EQ(parse_record(sink_.lines[1])->flow->flow_id, "test-0-2") << "its first record";
}

TEST_F(ResyncTest, AFlowWhoseStartWasOnItsWayIsNotToldTwice) {
  entry(golden_row("tcp_snat", "NEW"));
  drained();
  after_the_dump();
  event(golden_row("tcp_snat", "NEW"));
  drained();
  EXPECT_EQ(actions(), (Words{"start", "coverage-resume"}));
  EXPECT_EQ(pipeline_->stats().inferred, 0U);
}

TEST_F(ResyncTest, AFlowThatEndedMeanwhileDoesNotComeBack) {
  entry(golden_row("tcp_snat", "NEW"));
  drained();
  after_the_dump();
  event(golden_row("tcp_snat", "DESTROY"));
  drained();
  EXPECT_EQ(actions(), (Words{"end", "coverage-resume"}));
  EXPECT_EQ(pipeline_->live_flows().size(), 0U);
}

TEST_F(ResyncTest, ADyingEntryIsLeftToItsEnd) {
  std::vector<std::byte> dying = as_dumped(golden_row("tcp_snat", "DESTROY").message);
  dying[8 - 8 + 4] = std::byte{0};  // the type: an entry, not a DESTROY
  table_.push_back(dying);
  drained();
  after_the_dump();
  drained();
  EXPECT_EQ(actions(), (Words{"coverage-resume"}));
}

TEST_F(ResyncTest, AnEntryOlderThanWhatWasAppliedIsAnInferredStartAtOnce) {
  entry_of_age(std::chrono::seconds{10});
  drained();
  EXPECT_EQ(actions(), Words{"start"});
  EXPECT_EQ(pipeline_->live_flows().size(), 1U);
  // Its end, on the way during the dump, finds it there.
  bytes(netlink_message({NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE, 0, AF_INET},
                        joined({orig(), reply()})));
  after_the_dump();
  drained();
  EXPECT_EQ(actions(), (Words{"start", "end", "coverage-resume"}));
  EXPECT_EQ(parse_record(sink_.lines[1])->flow->flow_id, "test-0-1");
  EXPECT_EQ(pipeline_->stats().inferred, 1U);
}

TEST_F(ResyncTest, AnEntryWhoseStartMayBeOnItsWayWaits) {
  entry_of_age(std::chrono::milliseconds{900});
  drained();
  EXPECT_EQ(actions(), Words{});
  after_the_dump();
  drained();
  EXPECT_EQ(actions(), (Words{"start", "coverage-resume"}));
}

TEST_F(ResyncTest, AnOverrunBeginsAnew) {
  entry(golden_row("tcp_snat", "NEW"));
  drained();
  EXPECT_EQ(dumps_, 1);
  after_the_dump();
  mark(RingEntry::Kind::kOverrun, 7);
  drained();
  EXPECT_EQ(dumps_, 2);
  EXPECT_EQ(actions(), (Words{"coverage-gap"})) << "the first dump proves nothing any more";
  after_the_dump();
  drained();
  EXPECT_EQ(actions(), (Words{"coverage-gap", "start", "coverage-resume"}));
}

}  // namespace
}  // namespace natledger
