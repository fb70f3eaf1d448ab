// SPDX-License-Identifier: GPL-2.0-or-later
// Two tables, since an IPv4 flow is most of the traffic and needs 24 bytes less; what few flows
// have (helper, labels, parent) stands aside.
#include "flow/live_flows.h"

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <unordered_set>
#include <vector>

#include "flow/live_table.h"
#include "flow/protocol.h"

namespace natledger {

namespace {

// Both addresses, then everything else in the last word. Words from the start: bytes put together
// and read again as words would wait for each other in the processor.
template <size_t kAddressBytes>
struct FlowKey {
  std::array<uint64_t, (2 * kAddressBytes + 8) / 8> words;

  // The default is a call of memcmp.
  bool operator==(const FlowKey& other) const {
    uint64_t different = 0;
    for (size_t i = 0; i < words.size(); ++i) different |= words[i] ^ other.words[i];
    return different == 0;
  }
};
using FlowKey4 = FlowKey<4>;
using FlowKey6 = FlowKey<16>;
static_assert(sizeof(FlowKey4) == 16 && sizeof(FlowKey6) == 40);

constexpr uint32_t kNothingAside = UINT32_MAX;
constexpr uint64_t kMostFirstSequence = (uint64_t{1} << 62) - 1;

template <class Key>
struct OpenFlow {
  Key key;
  uint32_t id;
  union {
    uint32_t aside;      // place in the side table, or kNothingAside
    uint32_t next_free;  // while not in use
  };
  TimePoint start;
  uint64_t first_sequence : 62;  // at most kMostFirstSequence
  uint64_t start_clock : 2;
};
static_assert(sizeof(OpenFlow<FlowKey4>) == 40 && sizeof(OpenFlow<FlowKey6>) == 64);

// What few flows have.
struct Aside {
  uint64_t parent_sequence = 0;
  Labels labels;
  HelperName helper;
  uint32_t next_free = kNothingAside;
};

uint32_t first_word(const IpAddress& address) {
  uint32_t word;
  std::memcpy(&word, address.bytes.data(), sizeof word);
  return word;
}

template <size_t kAddressBytes>
FlowKey<kAddressBytes> key_of(const Leg& leg, uint16_t zone, ZoneDirection direction) {
  FlowKey<kAddressBytes> key;
  if constexpr (kAddressBytes == 4) {
    key.words[0] = first_word(leg.source) | uint64_t{first_word(leg.target)} << 32;
  } else {
    std::memcpy(&key.words[0], leg.source.bytes.data(), kAddressBytes);
    std::memcpy(&key.words[2], leg.target.bytes.data(), kAddressBytes);
  }
  // An ICMP tuple has its id, type and code where others have ports.
  const bool icmp = is_icmp(leg.protocol);
  const unsigned source = icmp ? leg.icmp_id : leg.source_port;
  const unsigned target =
      icmp ? unsigned{leg.icmp_type} << 8 | leg.icmp_code : unsigned{leg.target_port};
  key.words.back() = source | uint64_t{target} << 16 | uint64_t{zone} << 32 |
                     uint64_t{static_cast<uint8_t>(direction)} << 48 | uint64_t{leg.protocol} << 56;
  return key;
}

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

}  // namespace

struct LiveFlows::Tables {
  uint64_t seed = std::random_device{}() | uint64_t{std::random_device{}()} << 32;
  LiveTable<OpenFlow<FlowKey4>> v4;
  LiveTable<OpenFlow<FlowKey6>> v6;
  std::vector<Aside> asides;
  uint32_t free_aside = kNothingAside;

  bool resyncing = false;
  std::unordered_set<uint64_t> ended;  // hashes of the flows that ended since begin_resync()

  size_t size() const { return v4.size() + v6.size(); }

  uint64_t long_hash(const Flow& flow) const {
    return flow.family == AF_INET
               ? hash_of(key_of<4>(flow.orig, flow.zone, flow.zone_direction), seed)
               : hash_of(key_of<16>(flow.orig, flow.zone, flow.zone_direction), seed);
  }

  // Calls `visit(table, key, hash)` with the table that holds flows of this family.
  template <class Visit>
  auto with_table(const Leg& orig, const Flow& flow, Visit visit) {
    if (flow.family == AF_INET) {
      const auto key = key_of<4>(orig, flow.zone, flow.zone_direction);
      return visit(v4, key, fold(hash_of(key, seed)));
    }
    const auto key = key_of<16>(orig, flow.zone, flow.zone_direction);
    return visit(v6, key, fold(hash_of(key, seed)));
  }

  // The first record of the flow with this original tuple in the zone of `flow`, or 0.
  uint64_t first_sequence_of(const Leg& orig, const Flow& flow) {
    return with_table(orig, flow, [](auto& table, const auto& key, uint32_t hash) -> uint64_t {
      const auto* open = table.find(key, hash);
      return open != nullptr ? uint64_t{open->first_sequence} : 0;
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
    if (!flow.start.known()) {
      flow.start = open.start;
      flow.start_clock = static_cast<StartClock>(open.start_clock);
    }
    carry_over(open.aside, flow);
  }

  // Gives `flow` what an earlier event told and this one does not, and keeps what it adds.
  void carry_over(uint32_t& place, Flow& flow) {
    const bool says = flow.helper.bytes != 0 || flow.labels.any() || flow.parent_sequence != 0;
    if (!says && place == kNothingAside) return;
    Aside merged = place == kNothingAside ? Aside{} : asides[place];
    if (flow.helper.bytes != 0) merged.helper = flow.helper;
    if (flow.labels.any()) merged.labels = flow.labels;
    if (flow.parent_sequence != 0) merged.parent_sequence = flow.parent_sequence;
    flow.helper = merged.helper;
    flow.labels = merged.labels;
    flow.parent_sequence = merged.parent_sequence;
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
  const auto look = [&](const auto& open) {
    oldest = std::min<uint64_t>(oldest, open.first_sequence);
  };
  tables_->v4.for_each(look);
  tables_->v6.for_each(look);
  return oldest;
}

size_t LiveFlows::size() const { return tables_->size(); }

size_t LiveFlows::memory_bytes() const {
  return tables_->v4.memory_bytes() + tables_->v6.memory_bytes() +
         tables_->asides.capacity() * sizeof(Aside);
}

void LiveFlows::track(Flow& flow) {
  if (flow.kernel_start.known()) {
    flow.start = flow.kernel_start;
    flow.start_clock = StartClock::kKernel;
  }
  flow.first_sequence = flow.sequence;
  if (flow.from_dump) return;
  if (flow.has_master) flow.parent_sequence = tables_->first_sequence_of(flow.master, flow);
  switch (flow.event) {
    case Event::kNew:
      return begin(flow);
    case Event::kUpdate:
      return update(flow);
    case Event::kDestroy:
      return end(flow);
  }
}

void LiveFlows::begin(Flow& flow) {
  if (flow.start_clock == StartClock::kNone) {
    flow.start = flow.event_time.known() ? flow.event_time : flow.receipt;
    flow.start_clock = flow.event_time.known() ? StartClock::kEvent : StartClock::kReceipt;
  }
  tables_->with_table(flow.orig, flow, [&](auto& table, const auto& key, uint32_t hash) {
    // An entry that is still here ended unseen: its end was lost.
    if (const auto* stale = table.find(key, hash)) tables_->forget(table, *stale, hash);
    remember(table, key, hash, flow);
  });
}

void LiveFlows::update(Flow& flow) {
  tables_->with_table(flow.orig, flow, [&](auto& table, const auto& key, uint32_t hash) {
    auto* open = table.find(key, hash);
    if (open != nullptr && open->id == flow.id) return tables_->complete(*open, flow);
    // First seen in mid-life: its start is unknown unless the kernel says.
    if (open != nullptr) tables_->forget(table, *open, hash);
    remember(table, key, hash, flow);
  });
}

void LiveFlows::end(Flow& flow) {
  flow.end = flow.kernel_stop.known() ? flow.kernel_stop : flow.receipt;
  if (tables_->resyncing) tables_->ended.insert(tables_->long_hash(flow));
  tables_->with_table(flow.orig, flow, [&](auto& table, const auto& key, uint32_t hash) {
    auto* open = table.find(key, hash);
    if (open == nullptr || open->id != flow.id) return;
    tables_->complete(*open, flow);
    tables_->forget(table, *open, hash);
  });
}

void LiveFlows::begin_resync() {
  tables_->resyncing = true;
  tables_->ended.clear();
}

void LiveFlows::end_resync() {
  tables_->resyncing = false;
  tables_->ended.clear();
}

bool LiveFlows::knows(const Flow& dumped) {
  if (tables_->ended.contains(tables_->long_hash(dumped))) return true;
  return tables_->with_table(dumped.orig, dumped, [&](auto& table, const auto& key, uint32_t hash) {
    const auto* open = table.find(key, hash);
    // Ids repeat: one that began after the start that we know is another flow.
    return open != nullptr && open->id == dumped.id &&
           (!dumped.kernel_start.known() || dumped.kernel_start <= open->start);
  });
}

void LiveFlows::adopt(Flow& dumped) {
  dumped.event = Event::kNew;
  dumped.reason = Reason::kInferred;
  dumped.start_not_after = dumped.receipt;
  dumped.first_sequence = dumped.sequence;
  if (dumped.kernel_start.known()) {
    dumped.start = dumped.kernel_start;
    dumped.start_clock = StartClock::kKernel;
  }
  tables_->with_table(dumped.orig, dumped, [&](auto& table, const auto& key, uint32_t hash) {
    if (const auto* stale = table.find(key, hash)) tables_->forget(table, *stale, hash);
    remember(table, key, hash, dumped);
  });
}

template <class Table, class Key>
void LiveFlows::remember(Table& table, const Key& key, uint32_t hash, Flow& flow) {
  if (tables_->size() >= most_) {
    ++not_held_;
    return;
  }
  OpenFlow<Key> open{};
  open.key = key;
  open.id = flow.id;
  open.aside = kNothingAside;
  tables_->carry_over(open.aside, flow);
  open.start = flow.start;
  open.first_sequence = flow.sequence & kMostFirstSequence;
  open.start_clock = static_cast<uint64_t>(flow.start_clock) & 3;
  table.insert(open, hash);
}

}  // namespace natledger
