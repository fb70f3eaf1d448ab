// SPDX-License-Identifier: GPL-2.0-or-later
// Captures the messages as they come, for replay and for Wireshark.
#include <poll.h>
#include <sys/signalfd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>

#include "agent/agent.h"
#include "base/error.h"
#include "base/progress.h"
#include "cli/options.h"
#include "kernel/capture.h"

namespace natledger {

std::function<int()> add_record(CLI::App& app);

namespace {

struct RecordCommandOptions {
  CommonOptions common;
  std::string file;
  std::string how_long;
  std::string events;
};

struct Tally {
  uint64_t messages = 0;
  uint64_t lost = 0;
  bool unknown_loss = false;
};

void take(EventRing& ring, CaptureWriter& writer, Tally& tally) {
  RingEntry entry{};
  while (ring.next(entry)) {
    switch (entry.kind) {
      case RingEntry::Kind::kDatagram:
        writer.write(entry.at, entry.datagram);
        ++tally.messages;
        break;
      case RingEntry::Kind::kOverrun:
      case RingEntry::Kind::kReaderTooSlow:
        tally.lost += entry.count;
        tally.unknown_loss = tally.unknown_loss || entry.count == 0;
        break;
      case RingEntry::Kind::kOversize:
        ++tally.lost;
        break;
      default:
        break;
    }
  }
}

UniqueFd signals_as_fd() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  return UniqueFd{check_call("make signalfd", ::signalfd(-1, &signals, SFD_CLOEXEC))};
}

int run_record(const RecordCommandOptions& options) {
  const Config config = options.common.load();
  const auto how_long = parse_duration(options.how_long.empty() ? "0" : options.how_long);
  if (!how_long) throw ConfigError("--for: \"" + options.how_long + "\" is not a time such as 60s");
  const uint32_t events =
      options.events.empty() ? config.source.events : parse_events(options.events);
  check_kernel(false);
  const UniqueFd stop = signals_as_fd();
  EventSocket socket{events, config.source.receive_buffer};
  warn_of_receive_buffer(config, socket);
  CaptureWriter writer{options.file};
  EventRing ring{4 << 20};
  Progress progress{"messages captured"};
  Tally tally;
  const TimePoint begin = now();
  for (bool stopping = false; !stopping;) {
    std::array<pollfd, 2> fds{{{socket.fd(), POLLIN, 0}, {stop.get(), POLLIN, 0}}};
    if (::poll(fds.data(), fds.size(), 100) < 0 && errno != EINTR) {
      throw SystemError("wait for conntrack events", errno);
    }
    stopping = fds[1].revents != 0 || (how_long->count() != 0 && now() >= begin + *how_long);
    Received received = Received::kSome;
    while (received == Received::kSome) {
      received = socket.receive(ring);
      take(ring, writer, tally);
    }
    progress.update(tally.messages, 0);
    writer.flush();
  }
  std::fprintf(stderr, "natledger: captured %llu messages in %s\n",
               static_cast<unsigned long long>(tally.messages), options.file.c_str());
  if (tally.lost == 0 && !tally.unknown_loss) return 0;
  std::fprintf(stderr, "natledger: the kernel dropped %s%llu (raise source.receive_buffer)\n",
               tally.unknown_loss ? "at least " : "", static_cast<unsigned long long>(tally.lost));
  return 1;
}

}  // namespace

std::function<int()> add_record(CLI::App& app) {
  const auto options = std::make_shared<RecordCommandOptions>();
  options->common.add_to(app);
  app.add_option("FILE", options->file, "the capture to make, pcap")->required();
  app.add_option("--for", options->how_long, "how long, such as 60s (default: until Ctrl-C)");
  app.add_option("--events", options->events,
                 "new,update,destroy or ulogd2's event_mask (default: source.events)");
  return [options] { return run_record(*options); };
}

}  // namespace natledger
