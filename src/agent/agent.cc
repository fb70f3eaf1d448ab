// SPDX-License-Identifier: GPL-2.0-or-later
// Threads: receive (socket to ring), pipeline (ring to ledger), two of housekeeping (sync;
// archives). They share the ring, the ledger's end and nothing else. The main thread waits for
// signals.
#include "agent/agent.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "agent/coverage_log.h"
#include "agent/housekeeping.h"
#include "agent/label_names.h"
#include "agent/pipeline.h"
#include "agent/receiver.h"
#include "agent/resync.h"
#include "base/error.h"
#include "base/list_text.h"
#include "base/log.h"
#include "kernel/table_dump.h"

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

void wait_for_stop(const sigset_t& signals) {
  for (;;) {
    int signal = 0;
    if (::sigwait(&signals, &signal) != 0) continue;
    if (signal != SIGHUP) return;
    log_info(
        "SIGHUP: nothing to reopen, the ledger rotates its own files; the configuration is "
        "read at start");
  }
}

// Tells the operator that the disk does not take lines, and when it is time to give up.
class DiskWait {
 public:
  explicit DiskWait(const std::atomic<bool>& stopping) : stopping_(stopping) {}

  bool operator()(int cause) {
    uint64_t suppressed = 0;
    if (throttle_.pass(now(), suppressed)) {
      log_error("write the ledger: " + error_text(cause) +
                "; events wait in memory, then in the kernel (make room, or mend the disk)");
    }
    if (stopping_ && ++retries_at_stop_ > kDiskRetriesAtStop) return false;
    std::this_thread::sleep_for(kDiskRetry);
    return true;
  }

 private:
  const std::atomic<bool>& stopping_;
  LogThrottle throttle_;
  int retries_at_stop_ = 0;
};

std::string stats_text(const Stats& s) {
  return "received " + std::to_string(s.received) + ", flows " + std::to_string(s.flows) +
         ", ignored " + std::to_string(s.ignored) + ", malformed " + std::to_string(s.malformed) +
         ", filtered " + std::to_string(s.filtered) + ", dropped by the kernel " +
         std::to_string(s.dropped) + "; wrote " + std::to_string(s.written) + " lines, " +
         std::to_string(s.inferred) + " inferred, " + std::to_string(s.coverage) + " of coverage";
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
  const std::string observer = observer_name(config);

  Ledger ledger{config.ledger};
  EventRing ring{config.source.ring};
  CoverageLog coverage{ledger, observer};
  EncoderOptions encoding;
  encoding.id_prefix = ledger.id_prefix();
  encoding.observer = observer;
  encoding.tags = config.tags;
  encoding.label_names = read_label_names();
  std::atomic<bool> stopping{false};
  Pipeline pipeline{{.sink = ledger,
                     .encoder = make_encoder(Record::kFull, encoding),
                     .enrichers = make_enrichers(config),
                     .events = config.source.events,
                     .max_flows = config.source.max_flows,
                     .coverage = &coverage,
                     .wait_for_sink = DiskWait{stopping}}};

  EventSocket socket{config.source.events, config.source.receive_buffer};
  warn_of_receive_buffer(config, socket);
  const TimePoint begin = socket.subscribed_at();
  coverage.opening(ledger, begin);
  coverage.start(begin, config.source.events, facts);
  Resync resync{dump_table, count_buckets};
  pipeline.begin(begin, &resync);
  log_info("recording " + list_text(event_names(config.source.events)) + " events into " +
           config.ledger.directory + " from sequence " + std::to_string(ledger.next_sequence()));

  Failure failure;
  std::atomic<bool> pipeline_failed{false};
  std::thread pipeline_thread{[&] {
    try {
      while (pipeline.drain(ring)) ring.wait();
      pipeline.flush();
    } catch (const SystemError& error) {
      pipeline_failed = true;
      failure.set(error.what());
    }
  }};
  Housekeeping housekeeping{ledger, config.ledger, options.read_facts,
                            [&](const char* text) { failure.set(text); }};
  {
    Receiver receiver{socket, ring, pipeline_failed, [&](const char* text) { failure.set(text); }};
    wait_for_stop(signals);
    stopping = true;
    receiver.stop();
  }
  pipeline_thread.join();
  housekeeping.stop();

  const Stats stats = pipeline.stats();
  log_info("stopping: " + stats_text(stats));
  if (!failure.text().empty()) {
    log_error(failure.text());
    return 1;
  }
  coverage.stop(pipeline.whole_to(), stats);
  if (!ledger.close_clean(pipeline.whole_to())) {
    log_error("write the last lines of the ledger: they are lost (see above)");
    return 1;
  }
  check(pipeline.stats().balances(), "the books do not balance");
  return 0;
}

}  // namespace natledger
