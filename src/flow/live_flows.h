// SPDX-License-Identifier: GPL-2.0-or-later
// The flows that are open now, so that an end can say what only the beginning knew, and an end that
// nobody told can be concluded.
//
// DESTROY lacks the start (without kernel timestamps), the helper, the labels and the flow that a
// helper made it from; and ct.id repeats, so NEW and DESTROY need a common id of our own. A flow is
// found by its original tuple and its zone: the kernel has at most one such entry at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "flow/flow.h"

namespace natledger {

enum class Tracked : uint8_t {
  kRecord,      // the flow is complete
  kRepeated,    // what it tells was told before: no record
  kOtherEnded,  // another flow on its tuple has ended unseen: record that, then track again
};

class LiveFlows {
 public:
  using FlowVisit = std::function<void(Flow&)>;

  // `most` bounds the number of flows held; those beyond are counted, and recorded without what the
  // table would have added.
  explicit LiveFlows(size_t most);
  ~LiveFlows();
  LiveFlows(const LiveFlows&) = delete;
  LiveFlows& operator=(const LiveFlows&) = delete;

  // Completes `flow`, whose message part, receipt and sequence are set, and remembers or forgets
  // it. Entries of dumps are completed but not remembered.
  Tracked track(Flow& flow);
  // After kOtherEnded: the inferred end, its sequence not yet set. Valid until the next call.
  Flow& ended_unseen();

  // Before all else: remembers a flow that an earlier run left open, as its records tell of it:
  // Flow::receipt when it was first seen, from_dump where its start was inferred. The later of two
  // on a tuple counts.
  void restore(Flow& flow);

  // Events may have been missed in [from, to].
  void lose(TimePoint from, TimePoint to);

  // A resync compares a dump, begun at `at`, with what is known here. From now on each flow that an
  // event or the dump tells of is marked as seen; ends are remembered, since an entry of the dump
  // may have ended by an event that was still on its way.
  void begin_resync(TimePoint at);
  void end_resync();
  // Whether a record has told of this flow of a dump, which is seen thereby, or it has ended since
  // begin_resync().
  bool sees(const Flow& dumped);
  // Completes and remembers a flow of a dump as an inferred start. With a sequence of 0 that is no
  // record, and the next record of the flow is its first. kRecord or kOtherEnded, as of track().
  Tracked adopt(Flow& dumped);
  // The flows not seen since begin_resync(): original tuple, zone and id.
  void visit_unseen(const FlowVisit& visit);
  // The same as inferred ends, that is, gone by `not_after`; they are forgotten.
  void end_unseen(TimePoint not_after, const FlowVisit& visit);

  // The first record of the flow that was recorded first of all that are open, `none` when there is
  // no flow, 0 when one has no record. Looks at each flow.
  uint64_t oldest_sequence(uint64_t none) const;

  size_t size() const;
  uint64_t not_held() const { return not_held_; }  // flows that found the table full
  size_t memory_bytes() const;

 private:
  struct Tables;

  Tracked begin(Flow& flow);
  Tracked update(Flow& flow);
  Tracked end(Flow& flow);
  template <class Table, class Key>
  void remember(Table& table, const Key& key, uint32_t hash, Flow& flow);

  const size_t most_;
  uint64_t not_held_ = 0;
  std::unique_ptr<Tables> tables_;
};

}  // namespace natledger
