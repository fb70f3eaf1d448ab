// SPDX-License-Identifier: GPL-2.0-or-later
// Threads: receive (socket to ring), pipeline (ring to ledger), two of housekeeping (sync;
// archives). They share the ring, the ledger's end and nothing else. The main thread waits for
// signals and for the clock to be set; what follows from them it hands to the pipeline as orders.
// One more watches natledger-ship, where that is wanted.
#include "agent/agent.h"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "agent/coverage_log.h"
#include "agent/housekeeping.h"
#include "agent/orders.h"
#include "agent/pipeline.h"
#include "agent/receiver.h"
#include "agent/reload.h"
#include "agent/resync.h"
#include "agent/ship_process.h"
#include "agent/wakeups.h"
#include "base/error.h"
#include "base/list_text.h"
#include "base/log.h"
#include "kernel/clock.h"
#include "kernel/conntrack_table.h"
#include "ledger/ballast.h"

namespace natledger {

namespace {

constexpr std::chrono::milliseconds kDiskRetry{100};
// How long a stop waits for a disk that does not take the last lines.
constexpr int kDiskRetriesAtStop = 50;

// The first failure of any thread; it ends the run.
class Failure {
 public:
  void set(const std::string& text) {
    {
      const std::lock_guard lock{mutex_};
      if (!text_.empty()) return;
      text_ = text;
    }
    ::kill(::getpid(), SIGTERM);
  }
  std::string text() {
    const std::lock_guard lock{mutex_};
    return text_;
  }

 private:
  std::mutex mutex_;
  std::string text_;
};

sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  // Whoever reads our log may go away.
  std::signal(SIGPIPE, SIG_IGN);
  return signals;
}

void log_step(const ClockStep& step) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::abs(step.by));
  log_warning("the clock was set " + std::string{step.by > Duration{} ? "forward" : "back"} +
              " by " + std::to_string(ms.count()) +
              " ms; the ledger says when, and `who` widens its answers by it");
}

// Until it is told to stop.
void serve(Wakeups& wakeups, ClockWatch& clock, Reload& reload,
           const std::function<void(const ClockStep&)>& tell_step) {
  for (;;) {
    switch (wakeups.next()) {
      case Wakeup::kStop:
        return;
      case Wakeup::kReload:
        reload.run();
        break;
      case Wakeup::kClockSet:
        if (const auto step = clock.look(read_clocks())) {
          tell_step(*step);
          log_step(*step);
        }
        break;
    }
  }
}

// Tells the operator that the disk does not take lines, and when it is time to give up.
class DiskWait {
 public:
  DiskWait(const std::atomic<bool>& stopping, Ballast& ballast)
      : stopping_(stopping), ballast_(ballast) {}

  bool operator()(int cause) {
    uint64_t suppressed = 0;
    if (throttle_.pass(now(), suppressed)) {
      log_error("write the ledger: " + error_text(cause) +
                "; events wait in memory, then in the kernel (make room, or mend the disk)");
    }
    if (stopping_ && ballast_.spend()) return true;
    if (stopping_ && ++retries_at_stop_ > kDiskRetriesAtStop) return false;
    std::this_thread::sleep_for(kDiskRetry);
    return true;
  }

 private:
  const std::atomic<bool>& stopping_;
  Ballast& ballast_;
  LogThrottle throttle_;
  int retries_at_stop_ = 0;
};

// The pipeline's thread.
void run_pipeline(Pipeline& pipeline, EventRing& ring, std::atomic<bool>& failed,
                  Failure& failure) {
  ::pthread_setname_np(::pthread_self(), "pipeline");
  try {
    while (pipeline.drain(ring)) ring.wait();
    pipeline.flush();
  } catch (const SystemError& error) {
    failed = true;
    failure.set(error.what());
  }
}

TimePoint booted_at() {
  const ClockReading clocks = read_clocks();
  return clocks.realtime - clocks.boottime;
}

// Takes over the flows that the run before left open. How many they are; nothing when they cannot
// be read: then they are found in the table, as new ones.
std::optional<uint64_t> carry_over(const Ledger& ledger, const Config& config,
                                   const RunOptions& options, Pipeline& pipeline, IdPrefixes& ids) {
  if (ledger.opening().plan.before == StartPlan::Before::kNothing) return {};
  std::optional<uint64_t> flows{0};
  try {
    options.read_earlier(config.ledger.directory, ids.earlier, [&](Flow& flow) {
      pipeline.restore(flow);
      if (flows) ++*flows;
    });
  } catch (const SystemError& error) {
    log_warning("read the flows that were open: " + std::string{error.what()} +
                "; others that still are get a new id");
    flows.reset();
  }
  // Also those that were read before a failure have ids of earlier epochs.
  pipeline.go_on_from(ledger.opening().covered_to, make_record_encoder(config, ids));
  return flows;
}

std::string stats_text(const Stats& s) {
  return "received " + std::to_string(s.received) + ", flows " + std::to_string(s.flows) +
         ", ignored " + std::to_string(s.ignored) + ", malformed " + std::to_string(s.malformed) +
         ", duplicate " + std::to_string(s.duplicate) + ", filtered " + std::to_string(s.filtered) +
         ", dropped by the kernel " + std::to_string(s.dropped) + "; wrote " +
         std::to_string(s.written) + " lines, " + std::to_string(s.inferred) + " inferred, " +
         std::to_string(s.coverage) + " of coverage";
}

// The last lines, unless something went wrong. The exit status.
int conclude(const Pipeline& pipeline, CoverageLog& coverage, Ledger& ledger, Ballast& ballast,
             const std::string& failure) {
  if (failure.empty()) coverage.stop(pipeline.whole_to(), pipeline.stats());
  log_info("stopping: " + stats_text(pipeline.stats()));
  if (!failure.empty()) {
    log_error(failure);
    return 1;
  }
  const auto close = [&] { return ledger.close_clean(pipeline.whole_to()); };
  if (!close() && !(ballast.spend() && close())) {
    log_error("write the last lines of the ledger: they are lost (see above)");
    return 1;
  }
  check(pipeline.stats().balances(), "the books do not balance");
  return 0;
}

}  // namespace

StartFacts check_kernel(bool set_sysctls_too) {
  StartFacts facts = read_start_facts();
  if (set_sysctls_too) {
    for (const std::string& change : set_sysctls(facts)) log_info("set " + change);
    facts = read_start_facts();
  }
  for (const Finding& finding : judge(facts)) {
    if (finding.fatal) throw SystemError(finding.text);
    log_warning(finding.text);
  }
  return facts;
}

void warn_of_receive_buffer(const Config& config, const EventSocket& socket) {
  const auto text =
      judge_receive_buffer(config.source.receive_buffer, socket.receive_buffer_bytes());
  if (text) log_warning(*text);
}

int run_agent(const Config& config, const RunOptions& options) {
  const sigset_t signals = block_signals();
  const StartFacts facts = check_kernel(options.set_sysctls);
  Wakeups wakeups{signals};
  ClockWatch clock{read_clocks()};

  // First of all: a ledger whose agent was killed takes a while to open, and what happens meanwhile
  // waits in the socket.
  EventSocket socket{config.source.events, config.source.receive_buffer};
  const TimePoint begin = socket.subscribed_at();
  warn_of_receive_buffer(config, socket);
  Ledger ledger{config.ledger};
  EventRing ring{config.source.ring};
  CoverageLog coverage{ledger, observer_name(config)};
  Orders orders;
  OwnTraffic own_traffic{config.ledger.state, is_local_address};
  IdPrefixes ids{ledger.id_prefix(), {}};
  std::atomic<bool> stopping{false};
  Ballast ballast{config.ledger.directory, config.ledger.ballast};
  Pipeline pipeline{{.sink = ledger,
                     .encoder = make_record_encoder(config, ids),
                     .enrichers = make_enrichers(config),
                     .events = config.source.events,
                     .max_flows = config.source.max_flows,
                     .coverage = &coverage,
                     .wait_for_sink = DiskWait{stopping, ballast},
                     .heartbeat = config.source.heartbeat,
                     .sends_events = sends_events,
                     .orders = &orders,
                     .own_traffic = &own_traffic}};

  const auto carried_over = carry_over(ledger, config, options, pipeline, ids);
  coverage.opening(ledger, begin);
  coverage.start(begin, config.source.events, facts, carried_over);
  if (ledger.opening().rebooted) pipeline.end_all(booted_at());
  Resync resync{kernel_table(socket), config.source.reconcile};
  pipeline.begin(begin, &resync);
  log_info("recording " + list_text(event_names(config.source.events)) + " events into " +
           config.ledger.directory + " from sequence " + std::to_string(ledger.next_sequence()));

  Failure failure;
  std::atomic<bool> pipeline_failed{false};
  std::thread pipeline_thread{[&] { run_pipeline(pipeline, ring, pipeline_failed, failure); }};
  Housekeeping housekeeping{ledger, ballast, config.ledger, options.read_facts,
                            [&](const char* text) { failure.set(text); }};
  ShipProcess ship{config, options.config_file};
  {
    Receiver receiver{socket, ring, pipeline_failed, [&](const char* text) { failure.set(text); }};
    Reload reload{{.read = options.reread,
                   .check_kernel = [&] { return check_kernel(options.set_sysctls); },
                   .socket = socket,
                   .orders = orders,
                   .housekeeping = housekeeping,
                   .ids = ids,
                   .after = [&](const Config& in_force) { ship.reload(in_force); }},
                  config};
    serve(wakeups, clock, reload,
          [&](const ClockStep& step) { orders.tell_step(socket.begin_epoch(), step); });
    stopping = true;
    receiver.stop();
  }
  pipeline_thread.join();
  housekeeping.stop();

  return conclude(pipeline, coverage, ledger, ballast, failure.text());
}

}  // namespace natledger
