// SPDX-License-Identifier: GPL-2.0-or-later
// Two tables, since an IPv4 flow is most of the traffic and needs 48 bytes less; what few flows
// have (helper, labels, parent) stands aside.
#include "flow/live_flows.h"

#include <netinet/in.h>

#include <algorithm>
#include <random>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/conntrack.h"
#include "flow/live_table.h"
#include "flow/new_event.h"
#include "flow/open_flow.h"
#include "flow/recent_ends.h"
#include "flow/sightings.h"

namespace natledger {

namespace {

// What few flows have.
struct Aside {
  uint64_t parent_sequence = 0;
  uint16_t parent_epoch = 0;
  Labels labels;
  HelperName helper;
  uint32_t next_free = kNothingAside;
};

// Seeded at start: who can choose tuples must not be able to choose collisions.
template <class Key>
uint64_t hash_of(const Key& key, uint64_t seed) {
  uint64_t hash = seed;
  for (const uint64_t word : key.words) {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(hash ^ word) * 0x9e3779b97f4a7c15;
    hash = static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  }
  return hash;
}

uint32_t fold(uint64_t hash) { return static_cast<uint32_t>(hash ^ hash >> 32); }

// Tells the incarnations of a tuple apart.
uint64_t fingerprint_of(const Flow& flow, uint64_t tuple_hash) {
  constexpr uint64_t kOdd = 0x9e3779b97f4a7c15;
  return (tuple_hash + flow.id) * kOdd ^ static_cast<uint64_t>(flow.kernel_start.ns) * kOdd;
}

// What an event of another flow on its tuple says of when a flow had ended.
TimePoint begun_by(const Flow& successor) {
  if (successor.kernel_start.known()) return successor.kernel_start;
  return successor.event_time.known() ? successor.event_time : successor.receipt;
}

}  // namespace

struct LiveFlows::Tables {
  uint64_t seed = std::random_device{}() | uint64_t{std::random_device{}()} << 32;
  LiveTable<OpenFlow<4>> v4;
  LiveTable<OpenFlow<16>> v6;
  std::vector<Aside> asides;
  uint32_t free_aside = kNothingAside;

  Sightings sightings;
  RecentEnds recent_ends;
  Flow ended_unseen;
  bool resyncing = false;
  uint32_t resync_span = 0;            // begin_resync()'s
  std::unordered_set<uint64_t> ended;  // hashes of the flows that ended since begin_resync()

  size_t size() const { return v4.size() + v6.size(); }

  // Calls `visit(table, key, hash)` with the table that holds flows of this family.
  template <class Visit>
  auto with_table(const Leg& orig, const Flow& flow, Visit visit) {
    if (flow.family == AF_INET) {
      const auto key = key_of<4>(orig, flow.zone, flow.zone_direction);
      return visit(v4, key, hash_of(key, seed));
    }
    const auto key = key_of<16>(orig, flow.zone, flow.zone_direction);
    return visit(v6, key, hash_of(key, seed));
  }

  template <class Visit>
  void with_each_table(Visit visit) {
    visit(v4);
    visit(v6);
  }

  // The parent is the flow with the master's original tuple in the zone of `flow`, where known.
  void find_parent(Flow& flow) {
    with_table(flow.master, flow, [&](auto& table, const auto& key, uint64_t hash) {
      const auto* open = table.find(key, fold(hash));
      if (open == nullptr) return;
      flow.parent_sequence = open->first_sequence;
      flow.parent_epoch = open->first_epoch;
    });
  }

  uint32_t set_aside(const Aside& aside) {
    if (free_aside == kNothingAside) {
      asides.push_back(aside);
      return static_cast<uint32_t>(asides.size() - 1);
    }
    const uint32_t place = free_aside;
    free_aside = asides[place].next_free;
    asides[place] = aside;
    return place;
  }

  void drop_aside(uint32_t place) {
    if (place == kNothingAside) return;
    asides[place].next_free = free_aside;
    free_aside = place;
  }

  template <class Table, class Open>
  void forget(Table& table, const Open& open, uint32_t hash) {
    drop_aside(open.aside);
    const auto key = open.key;
    table.erase(key, hash);
  }

  // Gives `flow` the first record, the start and what else is known of it.
  template <class Open>
  void complete(Open& open, Flow& flow) {
    if (open.first_sequence == 0) open.first_sequence = flow.sequence & kMostFirstSequence;
    flow.first_sequence = open.first_sequence;
    flow.first_epoch = open.first_epoch;
    if (!flow.start.known()) {
      flow.start = open.start;
      flow.start_clock = static_cast<StartClock>(open.start_clock);
    }
    if (open.picked_up && flow.reason == Reason::kNone) flow.reason = Reason::kPickedUp;
    open.sighting = sightings.current();
    carry_over(open.aside, flow);
  }

  // Until then it was there for certain.
  template <class Open>
  TimePoint alive_at(const Open& open) const {
    const TimePoint seen = std::max(sightings.began(open.sighting), open.start);
    // An end before the loss would have been told, of a flow that the kernel tells of at all; but
    // an entry that ran out is reaped, and told of, only later, and its end then dated back.
    const TimePoint lost = sightings.lost_after(open.sighting);
    return open.told_by_event && lost.known() ? std::max(seen, lost - kReaping) : seen;
  }

  // Forgets a flow whose end was not told, and makes the record of it: at `at`, when something
  // shows that it had gone by `not_after`.
  template <class Table, class Open>
  void conclude_end(Table& table, Open& open, uint32_t hash, TimePoint not_after, TimePoint at) {
    ended_unseen = flow_of(open);
    ended_unseen.event = Event::kDestroy;
    ended_unseen.reason = Reason::kInferred;
    ended_unseen.receipt = at;
    // A clock that was set back must not turn the bounds round.
    ended_unseen.end_not_before = std::min(alive_at(open), not_after);
    ended_unseen.end_not_after = not_after;
    complete(open, ended_unseen);
    if (ended_unseen.start_clock == StartClock::kKernel) {
      ended_unseen.kernel_start = ended_unseen.start;
    }
    forget(table, open, hash);
  }

  // Whether an event tells again what made this flow known.
  template <class Open>
  bool is_told_again(const Open& open, const Flow& flow) const {
    return is_same_entry(open, flow) && has_been_told(flow) &&
           !sightings.lost_after(open.sighting).known();
  }

  // Gives `flow` what an earlier event told and this one does not, and keeps what it adds.
  void carry_over(uint32_t& place, Flow& flow) {
    const bool says = flow.helper.bytes != 0 || flow.labels.any() || flow.parent_sequence != 0;
    if (!says && place == kNothingAside) return;
    Aside merged = place == kNothingAside ? Aside{} : asides[place];
    if (flow.helper.bytes != 0) merged.helper = flow.helper;
    if (flow.labels.any()) merged.labels = flow.labels;
    if (flow.parent_sequence != 0) {
      merged.parent_sequence = flow.parent_sequence;
      merged.parent_epoch = flow.parent_epoch;
    }
    flow.helper = merged.helper;
    flow.labels = merged.labels;
    flow.parent_sequence = merged.parent_sequence;
    flow.parent_epoch = merged.parent_epoch;
    if (place != kNothingAside) {
      asides[place] = merged;
    } else {
      place = set_aside(merged);
    }
  }
};

LiveFlows::LiveFlows(size_t most) : most_(most), tables_(std::make_unique<Tables>()) {}
LiveFlows::~LiveFlows() = default;

uint64_t LiveFlows::oldest_sequence(uint64_t none) const {
  uint64_t oldest = none;
  tables_->with_each_table([&](auto& table) {
    table.for_each([&](const auto& open, uint32_t) {
      oldest = std::min<uint64_t>(oldest, open.first_sequence);
    });
  });
  return oldest;
}

size_t LiveFlows::size() const { return tables_->size(); }

size_t LiveFlows::memory_bytes() const {
  return tables_->v4.memory_bytes() + tables_->v6.memory_bytes() +
         tables_->asides.capacity() * sizeof(Aside);
}

Flow& LiveFlows::ended_unseen() { return tables_->ended_unseen; }

Tracked LiveFlows::track(Flow& flow) {
  if (flow.kernel_start.known()) {
    flow.start = flow.kernel_start;
    flow.start_clock = StartClock::kKernel;
  }
  flow.first_sequence = flow.sequence;
  if (flow.from_dump) return Tracked::kRecord;
  if (flow.has_master) tables_->find_parent(flow);
  switch (flow.event) {
    case Event::kNew:
      return begin(flow);
    case Event::kUpdate:
      return update(flow);
    case Event::kDestroy:
      break;
  }
  return end(flow);
}

Tracked LiveFlows::begin(Flow& flow) {
  if (flow.start_clock == StartClock::kNone) {
    flow.start = flow.event_time.known() ? flow.event_time : flow.receipt;
    flow.start_clock = flow.event_time.known() ? StartClock::kEvent : StartClock::kReceipt;
  }
  return tables_->with_table(flow.orig, flow, [&](auto& table, const auto& key, uint64_t hash) {
    if (auto* other = table.find(key, fold(hash))) {
      if (tables_->is_told_again(*other, flow)) return Tracked::kRepeated;
      tables_->conclude_end(table, *other, fold(hash), begun_by(flow), flow.receipt);
      return Tracked::kOtherEnded;
    }
    if (is_picked_up(flow)) flow.reason = Reason::kPickedUp;
    remember(table, key, fold(hash), flow);
    return Tracked::kRecord;
  });
}

Tracked LiveFlows::update(Flow& flow) {
  return tables_->with_table(flow.orig, flow, [&](auto& table, const auto& key, uint64_t hash) {
    auto* open = table.find(key, fold(hash));
    if (open != nullptr && is_same_entry(*open, flow)) {
      tables_->complete(*open, flow);
      return Tracked::kRecord;
    }
    if (open != nullptr) {
      tables_->conclude_end(table, *open, fold(hash), begun_by(flow), flow.receipt);
      return Tracked::kOtherEnded;
    }
    // First seen in mid-life: its start is unknown unless the kernel says.
    remember(table, key, fold(hash), flow);
    return Tracked::kRecord;
  });
}

Tracked LiveFlows::end(Flow& flow) {
  flow.end = flow.kernel_stop.known() ? flow.kernel_stop : flow.receipt;
  return tables_->with_table(flow.orig, flow, [&](auto& table, const auto& key, uint64_t hash) {
    if (tables_->resyncing) tables_->ended.insert(hash);
    const uint64_t fingerprint = fingerprint_of(flow, hash);
    auto* open = table.find(key, fold(hash));
    if (open != nullptr && is_same_flow(*open, flow)) {
      tables_->complete(*open, flow);
      tables_->forget(table, *open, fold(hash));
    } else if (open != nullptr && open->start.known() && flow.kernel_start.known() &&
               flow.kernel_start > open->start) {
      // Of a flow whose start was not told either.
      tables_->conclude_end(table, *open, fold(hash), flow.kernel_start, flow.receipt);
      return Tracked::kOtherEnded;
    } else if (flow.kernel_start.known() && tables_->recent_ends.contains(fingerprint)) {
      return Tracked::kRepeated;
    }
    tables_->recent_ends.add(fingerprint);
    return Tracked::kRecord;
  });
}

void LiveFlows::lose(TimePoint from, TimePoint to) { tables_->sightings.lose(from, to); }

void LiveFlows::begin_resync(TimePoint at) {
  tables_->sightings.begin(at);
  tables_->resync_span = tables_->sightings.current();
  tables_->resyncing = true;
  tables_->ended.clear();
}

void LiveFlows::end_resync() {
  tables_->resyncing = false;
  tables_->ended.clear();
}

bool LiveFlows::sees(const Flow& dumped) {
  return tables_->with_table(dumped.orig, dumped, [&](auto& table, const auto& key, uint64_t hash) {
    if (tables_->ended.contains(hash)) return true;
    auto* open = table.find(key, fold(hash));
    if (open == nullptr || !is_same_flow(*open, dumped)) return false;
    open->sighting = tables_->sightings.current();
    if (dumped.kernel_start.known()) {
      open->start = dumped.kernel_start;
      open->start_clock = static_cast<uint64_t>(StartClock::kKernel);
    }
    return open->first_sequence != 0;
  });
}

Tracked LiveFlows::adopt(Flow& dumped) {
  dumped.event = Event::kNew;
  dumped.reason = Reason::kInferred;
  dumped.start_not_after = dumped.receipt;
  dumped.first_sequence = dumped.sequence;
  if (dumped.kernel_start.known()) {
    dumped.start = dumped.kernel_start;
    dumped.start_clock = StartClock::kKernel;
  }
  return tables_->with_table(dumped.orig, dumped, [&](auto& table, const auto& key, uint64_t hash) {
    auto* open = table.find(key, fold(hash));
    if (open != nullptr && is_same_flow(*open, dumped)) {
      tables_->complete(*open, dumped);
      return Tracked::kRecord;
    }
    if (open != nullptr) {
      tables_->conclude_end(table, *open, fold(hash), begun_by(dumped), dumped.receipt);
      return Tracked::kOtherEnded;
    }
    remember(table, key, fold(hash), dumped);
    return Tracked::kRecord;
  });
}

void LiveFlows::restore(Flow& flow) {
  tables_->with_table(flow.orig, flow, [&](auto& table, const auto& key, uint64_t hash) {
    if (const auto* other = table.find(key, fold(hash))) tables_->forget(table, *other, fold(hash));
    remember(table, key, fold(hash), flow);
  });
}

void LiveFlows::visit_unseen(const FlowVisit& visit) {
  tables_->with_each_table([&](auto& table) {
    table.for_each([&](const auto& open, uint32_t) {
      if (open.sighting >= tables_->resync_span) return;
      Flow flow = flow_of(open);
      visit(flow);
    });
  });
}

void LiveFlows::end_unseen(TimePoint not_after, const FlowVisit& visit) {
  tables_->with_each_table([&](auto& table) {
    // What is forgotten moves others in the table, so it is not walked meanwhile.
    std::vector<std::pair<typename std::decay_t<decltype(table)>::Key, uint32_t>> unseen;
    table.for_each([&](const auto& open, uint32_t hash) {
      if (open.sighting < tables_->resync_span) unseen.emplace_back(open.key, hash);
    });
    for (const auto& [key, hash] : unseen) {
      tables_->conclude_end(table, *table.find(key, hash), hash, not_after, not_after);
      visit(tables_->ended_unseen);
    }
  });
  tables_->sightings.forget_before(tables_->resync_span);
}

template <class Table, class Key>
void LiveFlows::remember(Table& table, const Key& key, uint32_t hash, Flow& flow) {
  if (tables_->size() >= most_) {
    ++not_held_;
    return;
  }
  tables_->sightings.see(flow.receipt);
  auto open = open_flow(key, flow);
  open.sighting = tables_->sightings.current();
  tables_->carry_over(open.aside, flow);
  table.insert(open, hash);
}

}  // namespace natledger
