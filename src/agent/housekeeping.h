// SPDX-License-Identifier: GPL-2.0-or-later
// What the pipeline must not wait for: one thread syncs and reserves numbers, another, which any
// other work on the machine goes before, indexes and archives segments.
#pragma once

#include <atomic>
#include <functional>

#include "agent/periodic_thread.h"
#include "base/log.h"
#include "ledger/archiver.h"
#include "ledger/indexer.h"
#include "ledger/ledger.h"

namespace natledger {

class Housekeeping {
 public:
  // Starts the threads. `ledger` outlives this; `failed` is called, on a thread of its, when it
  // cannot go on.
  Housekeeping(Ledger& ledger, const LedgerOptions& options, ReadFacts read_facts,
               std::function<void(const char*)> failed);

  void stop();

 private:
  void keep();
  void archive();
  void index();

  Ledger& ledger_;
  Archiver archiver_;
  Indexer indexer_;
  const std::function<void(const char*)> failed_;
  LogThrottle sync_throttle_;
  TimePoint archive_from_;  // not before, after a failure
  TimePoint index_from_;
  PeriodicThread keeping_;
  PeriodicThread archiving_;
};

}  // namespace natledger
