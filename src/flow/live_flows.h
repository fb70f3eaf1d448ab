// SPDX-License-Identifier: GPL-2.0-or-later
// The flows that are open now, so that an end can say what only the beginning knew.
//
// DESTROY lacks the start (without kernel timestamps), the helper, the labels and the flow that a
// helper made it from; and ct.id repeats, so NEW and DESTROY need a common id of our own. A flow is
// found by its original tuple and its zone: the kernel has at most one such entry at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "flow/flow.h"

namespace natledger {

class LiveFlows {
 public:
  // `most` bounds the number of flows held; those beyond are counted, and recorded without what the
  // table would have added.
  explicit LiveFlows(size_t most);
  ~LiveFlows();
  LiveFlows(const LiveFlows&) = delete;
  LiveFlows& operator=(const LiveFlows&) = delete;

  // Completes `flow`, whose message part, receipt and sequence are set, and remembers or forgets
  // it. Entries of dumps are completed but not remembered.
  void track(Flow& flow);

  // A resync compares a dump with what is known here. While it runs, ends are remembered, since an
  // entry of the dump may have ended by an event that was still on its way.
  void begin_resync();
  void end_resync();
  // Whether this flow of a dump is known, or has ended since begin_resync().
  bool knows(const Flow& dumped);
  // Completes and remembers a flow of a dump as an inferred start. With a sequence of 0 that is no
  // record, and the next record of the flow is its first.
  void adopt(Flow& dumped);

  // The first record of the flow that was recorded first of all that are open, `none` when there is
  // no flow, 0 when one has no record. Looks at each flow.
  uint64_t oldest_sequence(uint64_t none) const;

  size_t size() const;
  uint64_t not_held() const { return not_held_; }  // flows that found the table full
  size_t memory_bytes() const;

 private:
  struct Tables;

  void begin(Flow& flow);
  void update(Flow& flow);
  void end(Flow& flow);
  template <class Table, class Key>
  void remember(Table& table, const Key& key, uint32_t hash, Flow& flow);

  const size_t most_;
  uint64_t not_held_ = 0;
  std::unique_ptr<Tables> tables_;
};

}  // namespace natledger
