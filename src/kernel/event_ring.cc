// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/event_ring.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/error.h"

namespace natledger {

struct EventRing::Header {
  uint32_t kind;
  uint32_t bytes;  // of the payload, without its padding to 8
};

namespace {

// Kinds of entries that the consumer never sees, beside RingEntry's.
constexpr uint32_t kTime = 100;       // the `at` of the datagrams that follow: int64_t
constexpr uint32_t kNextChunk = 101;  // reading goes on in that chunk: uint64_t

constexpr size_t kHeaderBytes = 8;
constexpr size_t kLinkBytes = kHeaderBytes + 8;  // kept free at the end of each chunk
constexpr uint32_t kNone = UINT32_MAX;
// Free chunks that keep their memory: 2 MiB, enough for all but bursts.
constexpr uint32_t kWarmChunks = 8;

constexpr size_t padded(size_t bytes) { return (bytes + 7) & ~size_t{7}; }

}  // namespace

// What the two threads share.
struct EventRing::Links {
  struct Chunk {
    std::atomic<uint32_t> committed{0};  // bytes that the consumer may read
    uint32_t next_free = kNone;
  };

  // A stack that only the consumer pushes to and only the producer pops from; a single popper
  // cannot meet the ABA problem.
  struct FreeStack {
    std::atomic<uint32_t> top{kNone};
    std::atomic<uint32_t> size{0};
  };

  explicit Links(uint32_t chunks) : chunk(chunks) {}

  void push(FreeStack& stack, uint32_t index) {
    uint32_t top = stack.top.load(std::memory_order_relaxed);
    do {
      chunk[index].next_free = top;
    } while (!stack.top.compare_exchange_weak(top, index, std::memory_order_release,
                                              std::memory_order_relaxed));
    stack.size.fetch_add(1, std::memory_order_release);
  }

  uint32_t pop(FreeStack& stack) {
    uint32_t top = stack.top.load(std::memory_order_acquire);
    while (top != kNone &&
           !stack.top.compare_exchange_weak(top, chunk[top].next_free, std::memory_order_acquire,
                                            std::memory_order_acquire)) {
    }
    if (top != kNone) stack.size.fetch_sub(1, std::memory_order_relaxed);
    return top;
  }

  uint32_t free_chunks() const {
    return warm.size.load(std::memory_order_acquire) + cold.size.load(std::memory_order_acquire);
  }

  std::vector<Chunk> chunk;
  alignas(64) FreeStack warm;  // with memory
  FreeStack cold;              // without
  alignas(64) std::atomic<uint32_t> published{0};
};

EventRing::EventRing(size_t most_bytes)
    : chunks_(
          static_cast<uint32_t>(std::max<size_t>((most_bytes + kChunkBytes - 1) / kChunkBytes, 4))),
      links_(std::make_unique<Links>(chunks_)) {
  void* memory = ::mmap(nullptr, size_t{chunks_} * kChunkBytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    throw SystemError("reserve address space for source.ring", errno, "lower source.ring");
  }
  memory_ = static_cast<std::byte*>(memory);
  for (uint32_t i = chunks_; i-- > 1;) links_->push(links_->cold, i);
}

EventRing::~EventRing() { ::munmap(memory_, size_t{chunks_} * kChunkBytes); }

bool EventRing::has_room() const {
  // A group fits into one chunk; if the present one is too full for it, it goes on in the next.
  static_assert(kMostGroupBytes + 128 * 5 * kHeaderBytes < kChunkBytes);
  return links_->free_chunks() >= 1;
}

void EventRing::write(uint32_t kind, std::span<const std::byte> payload) {
  const size_t bytes = kHeaderBytes + padded(payload.size());
  if (write_at_ + bytes + kLinkBytes > kChunkBytes) {
    const uint32_t following = take_chunk();
    std::byte* link = chunk(write_chunk_) + write_at_;
    const Header header{kNextChunk, 8};
    const uint64_t index = following;
    std::memcpy(link, &header, sizeof header);
    std::memcpy(link + kHeaderBytes, &index, sizeof index);
    links_->chunk[write_chunk_].committed.store(static_cast<uint32_t>(write_at_ + kLinkBytes),
                                                std::memory_order_release);
    write_chunk_ = following;
    write_at_ = 0;
    worth_waking_ = true;
  }
  std::byte* at = chunk(write_chunk_) + write_at_;
  const Header header{kind, static_cast<uint32_t>(payload.size())};
  std::memcpy(at, &header, sizeof header);
  if (!payload.empty()) std::memcpy(at + kHeaderBytes, payload.data(), payload.size());
  write_at_ += bytes;
}

void EventRing::write_time(TimePoint at) {
  if (at == write_time_) return;
  write(kTime, std::as_bytes(std::span{&at.ns, 1}));
  write_time_ = at;
}

void EventRing::push_datagram(TimePoint at, std::span<const std::byte> datagram) {
  write_time(at);
  write(static_cast<uint32_t>(RingEntry::Kind::kDatagram), datagram);
}

void EventRing::push_mark(RingEntry::Kind kind, TimePoint at, uint64_t count) {
  worth_waking_ = true;
  write_time(at);
  write(static_cast<uint32_t>(kind), std::as_bytes(std::span{&count, 1}));
}

void EventRing::publish() {
  links_->chunk[write_chunk_].committed.store(static_cast<uint32_t>(write_at_),
                                              std::memory_order_release);
  if (!worth_waking_) return;
  worth_waking_ = false;
  links_->published.fetch_add(1, std::memory_order_release);
  links_->published.notify_one();
}

bool EventRing::next(RingEntry& entry) {
  while (read_at_ < links_->chunk[read_chunk_].committed.load(std::memory_order_acquire)) {
    const std::byte* at = chunk(read_chunk_) + read_at_;
    Header header;
    std::memcpy(&header, at, sizeof header);
    const std::span<const std::byte> payload{at + kHeaderBytes, header.bytes};
    if (header.kind == kNextChunk) {
      uint64_t following = 0;
      std::memcpy(&following, payload.data(), sizeof following);
      free_chunk(read_chunk_);
      read_chunk_ = static_cast<uint32_t>(following);
      read_at_ = 0;
      continue;
    }
    read_at_ += kHeaderBytes + padded(header.bytes);
    if (header.kind == kTime) {
      std::memcpy(&read_time_.ns, payload.data(), sizeof read_time_.ns);
      continue;
    }
    entry = {static_cast<RingEntry::Kind>(header.kind), read_time_, 0, {}};
    if (entry.kind == RingEntry::Kind::kDatagram) {
      entry.datagram = payload;
    } else {
      std::memcpy(&entry.count, payload.data(), sizeof entry.count);
    }
    return true;
  }
  return false;
}

void EventRing::wait() {
  const uint32_t seen = links_->published.load(std::memory_order_acquire);
  if (read_at_ < links_->chunk[read_chunk_].committed.load(std::memory_order_acquire)) return;
  links_->published.wait(seen, std::memory_order_acquire);
}

size_t EventRing::resident_bytes() const {
  const uint32_t cold = links_->cold.size.load(std::memory_order_relaxed);
  return size_t{chunks_ - std::min(cold, chunks_)} * kChunkBytes;
}

uint32_t EventRing::take_chunk() {
  uint32_t index = links_->pop(links_->warm);
  if (index == kNone) index = links_->pop(links_->cold);
  check(index != kNone, "a push into a full ring");
  links_->chunk[index].committed.store(0, std::memory_order_relaxed);
  return index;
}

void EventRing::free_chunk(uint32_t index) {
  if (links_->warm.size.load(std::memory_order_relaxed) < kWarmChunks) {
    links_->push(links_->warm, index);
    return;
  }
  ::madvise(chunk(index), kChunkBytes, MADV_DONTNEED);
  links_->push(links_->cold, index);
}

}  // namespace natledger
