// SPDX-License-Identifier: GPL-2.0-or-later
// What the pipeline must not wait for: one thread syncs and reserves numbers, another, which any
// other work on the machine goes before, removes old segments, indexes and archives others.
#pragma once

#include <atomic>
#include <functional>

#include "agent/periodic_thread.h"
#include "base/log.h"
#include "ledger/archiver.h"
#include "ledger/ballast.h"
#include "ledger/indexer.h"
#include "ledger/ledger.h"
#include "ledger/retention.h"

namespace natledger {

class Housekeeping {
 public:
  // Starts the threads. `ledger` and `ballast` outlive this; `failed` is called, on a thread of
  // its, when it cannot go on.
  Housekeeping(Ledger& ledger, Ballast& ballast, const LedgerOptions& options, ReadFacts read_facts,
               std::function<void(const char*)> failed);

  // Of a reload: what may change of them while the ledger is written.
  void set_options(const LedgerOptions& options) { archiver_.set_after(options.compress_after); }
  void stop();

 private:
  void keep();
  // What `work` does takes long: it asks between whether to go on.
  using GoOn = std::function<bool()>;
  struct Task {
    const char* what;     // that it does
    const char* failing;  // what it means when it cannot
    std::function<void(const GoOn&)> work;
    TimePoint from;  // not before
  };
  void do_when_due(Task& task);
  bool make_room();
  void keep_ballast(TimePoint at);
  void index(const GoOn& go_on);
  void archive(const GoOn& go_on);

  Ledger& ledger_;
  Ballast& ballast_;
  Archiver archiver_;
  Retention retention_;
  Indexer indexer_;
  const std::function<void(const char*)> failed_;
  LogThrottle sync_throttle_;
  const Duration archiving_period_;
  Task indexing_;
  Task archive_making_;
  LogThrottle retention_throttle_;
  TimePoint ballast_from_;  // not to be looked at before
  bool ballast_warned_ = false;
  PeriodicThread keeping_;
  PeriodicThread archiving_;
};

}  // namespace natledger
