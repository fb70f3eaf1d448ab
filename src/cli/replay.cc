// SPDX-License-Identifier: GPL-2.0-or-later
// The agent's pipeline over captures, in one thread. The packet's time stands for "now".
#include <sys/stat.h>
#include <unistd.h>

#include <memory>

#include <CLI/CLI.hpp>

#include "agent/pipeline.h"
#include "base/error.h"
#include "base/progress.h"
#include "cli/options.h"
#include "kernel/capture.h"
#include "ledger/ledger.h"

namespace natledger {

std::function<int()> add_replay(CLI::App& app);

namespace {

// Small: it is read as soon as it is written.
constexpr size_t kRingBytes = 4 << 20;

struct ReplayOptions {
  CommonOptions common;
  RecordOptions record;
  std::string events;
  std::string ledger;
  std::vector<std::string> files;
};

bool is_regular(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

// One capture through the pipeline. `coverage`, unless null, is told its beginning and end.
void replay_file(const std::string& path, Pipeline& pipeline, CoverageLog* coverage,
                 uint32_t events) {
  CaptureSource source{path};
  if (!source.first_time().known()) return;  // nothing in it
  EventRing ring{kRingBytes};
  Progress progress{"replay " + path};
  const Stats before = pipeline.stats();
  if (coverage != nullptr) {
    // A capture is taken for whole: what was open before it cannot be asked for any more.
    coverage->start(source.first_time(), events, {});
    coverage->resume(source.first_time(), source.first_time(), 0);
  }
  pipeline.begin(source.first_time(), nullptr);
  const auto finish = [&] {
    pipeline.drain(ring);
    if (coverage != nullptr) coverage->stop(pipeline.whole_to(), pipeline.stats().since(before));
    pipeline.flush();
  };
  try {
    while (source.receive(ring) != Received::kEnd) {
      pipeline.drain(ring);
      progress.update(source.bytes_read(), source.bytes_in_all());
    }
  } catch (const SystemError&) {
    finish();  // what stands before the damage is whole
    throw;
  }
  finish();
}

// What cannot be read is refused before a ledger is made for it. The first capture's begin; of a
// pipe, which can be opened only once, it is not known beforehand.
TimePoint check_captures(const std::vector<std::string>& files) {
  TimePoint begin;
  for (const std::string& file : files) {
    const TimePoint first = is_regular(file) ? CaptureSource{file}.first_time() : now();
    if (!begin.known()) begin = first;
  }
  return begin.known() ? begin : now();
}

// The ledger that records go to, and when the first of them begins.
struct Target {
  Ledger& ledger;
  TimePoint begin;
};

// `target` is null when the records go to standard output.
int replay(const ReplayOptions& options, const Config& config, RecordSink& sink,
           const Target* target) {
  std::unique_ptr<CoverageLog> coverage;
  if (target != nullptr) coverage = std::make_unique<CoverageLog>(sink, observer_name(config));
  const EncoderOptions encoding = options.record.encoding(config, sink.id_prefix());
  Pipeline pipeline{{.sink = sink,
                     .encoder = make_encoder(options.record.kind(), encoding),
                     .enrichers = make_enrichers(config),
                     .events = config.source.events,
                     .as_told = options.record.kind() != Record::kFull,
                     .max_flows = config.source.max_flows,
                     .coverage = coverage.get(),
                     .wait_for_sink = nullptr}};
  if (target != nullptr) coverage->opening(target->ledger, target->begin);
  try {
    for (const std::string& file : options.files) {
      replay_file(file, pipeline, coverage.get(), config.source.events);
    }
  } catch (const SystemError&) {
    if (target != nullptr) target->ledger.close_clean(pipeline.whole_to());
    throw;
  }
  check(pipeline.stats().balances(), "the books do not balance");
  if (target != nullptr && !target->ledger.close_clean(pipeline.whole_to())) {
    throw SystemError("write the last lines of ledger " + options.ledger, errno,
                      "make room, or mend the disk");
  }
  return 0;
}

int run_replay(const ReplayOptions& options) {
  Config config = options.common.load();
  if (!options.events.empty()) config.source.events = parse_events(options.events);
  if (options.ledger.empty()) {
    StreamSink sink{STDOUT_FILENO, "replay"};
    return replay(options, config, sink, nullptr);
  }
  if (options.record.kind() != Record::kFull) {
    throw ConfigError("--ledger holds full records; leave --record out");
  }
  const TimePoint begin = check_captures(options.files);
  // A state of its own: that of the configuration belongs to the agent's ledger.
  config.ledger.directory = options.ledger;
  config.ledger.state = options.ledger + "/state";
  config.ledger.group = "";
  Ledger ledger{config.ledger};
  const Target target{ledger, begin};
  return replay(options, config, ledger, &target);
}

}  // namespace

std::function<int()> add_replay(CLI::App& app) {
  const auto options = std::make_shared<ReplayOptions>();
  options->common.add_to(app);
  options->record.add_to(app);
  app.add_option("--events", options->events,
                 "new,update,destroy or ulogd2's event_mask (default: source.events)");
  app.add_option("--ledger", options->ledger,
                 "write into the ledger of this directory instead of standard output");
  app.add_option("FILE", options->files, "captures, pcap or pcapng of link type NETLINK")
      ->required();
  return [options] { return run_replay(*options); };
}

}  // namespace natledger
