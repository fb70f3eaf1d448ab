// SPDX-License-Identifier: GPL-2.0-or-later
// Flows of all lengths over three days: ports reused, one port for several hosts at once, flows
// that never end, overruns, an agent that was down, starts that only a dump of the table showed.
#include "lookup/traffic.h"

#include <netinet/in.h>

#include <cmath>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <vector>

#include "agent/config.h"
#include "agent/coverage_log.h"
#include "encode/encoder.h"
#include "enrich/enricher.h"
#include "flow/protocol.h"
#include "ledger/ledger.h"

namespace natledger {

namespace {

using namespace std::chrono_literals;

constexpr uint32_t kEvents = 5;  // new, destroy
constexpr Duration kAllTime = 72h;

IpAddress address(const std::string& text) { return *parse_address(text); }

class Traffic {
 public:
  explicit Traffic(const TrafficPlan& plan)
      : plan_(plan), random_(plan.seed), enrichers_(make_enrichers({})) {}

  void run() {
    open();
    begin_run();
    const uint64_t flows = plan_.lines / 2;
    const Duration apart = kAllTime / static_cast<int64_t>(flows);
    for (uint64_t i = 0; i < flows; ++i) {
      now_ = now_ +
             Duration{static_cast<int64_t>(static_cast<double>(apart.count()) * exponential(1))};
      end_until(now_);
      close_gap();
      begin_flow();
      if (i % (flows / static_cast<uint64_t>(plan_.segments) + 1) == 0 && i != 0) next_segment();
      if (chance(20.0 / static_cast<double>(flows))) gap_to_ = now_ + 20s;
      if (gap_to_.known() && !gap_from_.known()) gap_from_ = now_;
      if (i % 10 == 0 && !losing()) log_->heartbeat(now_, stats(), open_.size(), {});
    }
    log_->stop(now_, stats());
    ledger_->close_clean(now_);
  }

 private:
  struct Open {
    Flow flow;
    bool recorded;  // its start is
  };

  Stats stats() const {
    Stats stats;
    stats.received = stats.flows = run_flows_;
    return stats;
  }

  double uniform() { return static_cast<double>(random_() >> 11) * 0x1p-53; }
  bool chance(double part) { return uniform() < part; }
  double exponential(double mean) { return -mean * std::log(1 - uniform()); }
  uint32_t below(uint32_t most) { return static_cast<uint32_t>(random_() % most); }

  void open() {
    LedgerOptions options;
    options.directory = plan_.directory;
    options.state = plan_.directory + "/state";
    options.sync = "never";
    options.group = "";
    ledger_ = std::make_unique<Ledger>(options);
    log_ = std::make_unique<CoverageLog>(*ledger_, "gw1");
    EncoderOptions encoding;
    // As of one run, so that a flow keeps its id from segment to segment.
    if (id_prefix_.empty()) id_prefix_ = ledger_->id_prefix();
    encoding.id_prefix = id_prefix_;
    encoding.observer = "gw1";
    encoder_ = make_encoder(Record::kFull, encoding);
  }

  void begin_run() {
    run_flows_ = 0;
    log_->start(now_, kEvents, {});
    infer();
    resume();
  }

  void resume() {
    uint64_t open_from = ledger_->next_sequence();
    for (const auto& [end, open] : open_) {
      if (open.recorded) open_from = std::min(open_from, open.flow.first_sequence);
    }
    log_->resume(now_, now_, open_from);
  }

  // A kill seals a segment; then the agent is said to have been down, or it goes on as if the
  // segment had been full.
  void next_segment() {
    ledger_->flush();
    log_.reset();
    ledger_.reset();
    open();
    if (const auto seal = ledger_->seal_before()) log_->sealed(now_, *seal);
    if (gap_to_.known() || !chance(0.3)) return;
    const TimePoint from = now_;
    now_ = now_ + 300s;
    lost_ = true;
    end_until(now_);
    lost_ = false;
    log_->gap(from, now_, "agent-down");
    begin_run();
  }

  void close_gap() {
    if (!gap_to_.known() || now_ < gap_to_) return;
    log_->gap(gap_from_, now_, "overrun", 7);
    infer_ends();
    gap_from_ = gap_to_ = {};
    infer();
    resume();
  }

  // Those that ended unseen are missing from it.
  void infer_ends() {
    for (Flow& flow : ended_unseen_) {
      flow.reason = Reason::kInferred;
      flow.end = flow.kernel_stop = {};
      flow.end_not_before = std::max(flow.start, gap_from_);
      flow.end_not_after = now_;
      write(flow);
    }
    ended_unseen_.clear();
  }

  // The flows that began unseen are found in the table.
  void infer() {
    for (auto& [end, open] : open_) {
      if (open.recorded) continue;
      Flow flow = open.flow;
      flow.reason = Reason::kInferred;
      flow.start_not_after = now_;
      if (chance(0.5)) {
        open.flow.start = flow.start = {};
        open.flow.start_clock = flow.start_clock = StartClock::kNone;
      }
      write(flow);
      open.flow.first_sequence = flow.first_sequence;
      open.recorded = true;
    }
  }

  bool losing() const { return lost_ || gap_to_.known(); }

  void begin_flow() {
    Flow flow;
    flow.event = Event::kNew;
    flow.receipt = now_;
    flow.start = now_;
    flow.start_clock = chance(0.9) ? StartClock::kKernel : StartClock::kReceipt;
    do {
      choose_ends(flow);
    } while (!tuples_.insert(tuple_of(flow)).second);
    const bool recorded = !losing();
    if (recorded) write(flow);
    const double kind = uniform();
    const double mean_s = kind < 0.85 ? 30 : kind < 0.95 ? 600 : kind < 0.99 ? 8000 : 100000;
    const TimePoint end = now_ + Duration{static_cast<int64_t>(exponential(mean_s) * 1e9)};
    open_.insert({end, {flow, recorded}});
  }

  // Told of up to 3 s after they have ended.
  void end_until(TimePoint until) {
    while (!open_.empty() && open_.begin()->first + 3s < until) {
      Flow flow = open_.begin()->second.flow;
      flow.event = Event::kDestroy;
      flow.end = flow.kernel_stop = open_.begin()->first;
      flow.receipt = flow.end + 1s;
      flow.reason = Reason::kNone;
      flow.start_not_after = {};
      if (!losing()) {
        write(flow);
      } else if (gap_to_.known() && open_.begin()->second.recorded) {
        ended_unseen_.push_back(flow);
      }
      tuples_.erase(tuple_of(flow));
      open_.erase(open_.begin());
    }
  }

  using Tuple = std::tuple<std::string, uint16_t, std::string, uint16_t, uint8_t>;
  static Tuple tuple_of(const Flow& flow) {
    return {address_text(flow.reply.target), flow.reply.target_port,
            address_text(flow.reply.source), flow.reply.source_port, flow.orig.protocol};
  }

  void choose_ends(Flow& flow) {
    const double kind = uniform();
    flow.family = kind < 0.05 ? AF_INET6 : AF_INET;
    Leg& orig = flow.orig;
    Leg& reply = flow.reply;
    orig = reply = {};
    orig.protocol = reply.protocol = chance(0.6) ? IPPROTO_TCP : IPPROTO_UDP;
    const std::string host = std::to_string(2 + below(200));
    orig.source = address("192.168.1." + host);
    orig.target = address("19.1." + std::to_string(below(4)) + "." + std::to_string(below(200)));
    orig.source_port = static_cast<uint16_t>(1024 + below(60000));
    orig.target_port = chance(0.7) ? 443 : 53;
    reply.source = orig.target;
    reply.source_port = orig.target_port;
    reply.target = address("1.2.3." + std::to_string(4 + below(2)));
    reply.target_port = static_cast<uint16_t>(1024 + below(3000));
    if (kind < 0.05) {  // IPv6 is not translated
      orig.source = reply.target = address("2001:db8::" + host);
      orig.target = reply.source = address("2001:db8:1::" + std::to_string(below(50)));
      reply.target_port = orig.source_port;
    } else if (kind < 0.15) {  // to a server inside
      std::swap(orig.source, orig.target);
      std::swap(orig.source_port, orig.target_port);
      orig.source_port = static_cast<uint16_t>(1024 + below(60000));
      orig.target = address("1.2.3.4");
      orig.target_port = 443;
      reply.source = address("192.168.5.5");
      reply.source_port = 8443;
      reply.target = orig.source;
      reply.target_port = orig.source_port;
    } else if (kind < 0.2) {
      orig.protocol = reply.protocol = IPPROTO_ICMP;
      orig.source_port = orig.target_port = reply.source_port = reply.target_port = 0;
      orig.icmp_type = 8;
      orig.icmp_id = static_cast<uint16_t>(below(500));
      reply.icmp_id = static_cast<uint16_t>(below(500));
      // So that no two have one tuple.
      reply.source_port = reply.icmp_id;
    }
    if (chance(0.05)) flow.zone = 7;
  }

  void write(Flow& flow) {
    flow.sequence = ledger_->next_sequence();
    if (flow.first_sequence == 0) flow.first_sequence = flow.sequence;
    if (flow.reason == Reason::kNone) ++run_flows_;
    flow.annotations = {};  // those of its start
    for (const auto& enricher : enrichers_) enricher->enrich(flow);
    ledger_->append(encoder_->encode(flow));
    if (ledger_->kept_bytes() > (1 << 20)) ledger_->flush();
    if (ledger_->next_sequence() % 100000 == 0) ledger_->housekeep(now_);
  }

  const TrafficPlan plan_;
  std::mt19937_64 random_;
  std::vector<std::unique_ptr<Enricher>> enrichers_;
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<CoverageLog> log_;
  std::unique_ptr<Encoder> encoder_;
  std::string id_prefix_;
  TimePoint now_ = *parse_rfc3339("2026-11-01T00:00:00Z");
  TimePoint gap_from_, gap_to_;
  bool lost_ = false;
  uint64_t run_flows_ = 0;               // of events, since the agent's start
  std::multimap<TimePoint, Open> open_;  // by their end
  std::set<Tuple> tuples_;
  std::vector<Flow> ended_unseen_;  // in the overrun that goes on
};

}  // namespace

void make_traffic(const TrafficPlan& plan) { Traffic{plan}.run(); }

}  // namespace natledger
