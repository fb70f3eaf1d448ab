// SPDX-License-Identifier: GPL-2.0-or-later
// What the main thread has decided and the pipeline must follow.
//
// An order takes effect at a mark that says that the socket was empty: all events that were sent
// before that instant have been treated in the old way, none that was sent after it has. Which mark
// is late enough is a matter of the socket's epochs, not of clocks, since one order is that the
// clock was set.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "agent/clock_watch.h"
#include "encode/encoder.h"
#include "enrich/enricher.h"
#include "kernel/start_facts.h"

namespace natledger {

// What a reload changes of a pipeline.
struct Reconfiguration {
  uint64_t epoch = 0;  // the first in which the new events come
  std::unique_ptr<Encoder> encoder;
  std::vector<std::unique_ptr<Enricher>> enrichers;
  std::string observer;
  uint32_t events = 0;
  Duration heartbeat{};
  Duration reconcile{};
  StartFacts facts;
  std::function<void()> applied;  // called on the pipeline's thread
};

class Orders {
 public:
  // From the main thread. The newest reconfiguration replaces one that was not followed yet.
  void reconfigure(Reconfiguration reconfiguration);
  void tell_step(uint64_t epoch, const ClockStep& step);

  // From the pipeline, at a mark of that epoch.
  std::optional<Reconfiguration> take_reconfiguration(uint64_t epoch);
  std::vector<ClockStep> take_steps(uint64_t epoch);

 private:
  struct Step {
    uint64_t epoch;
    ClockStep step;
  };

  std::atomic<bool> any_{false};
  std::mutex mutex_;
  std::optional<Reconfiguration> reconfiguration_;
  std::deque<Step> steps_;  // oldest first
};

}  // namespace natledger
