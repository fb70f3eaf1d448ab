// SPDX-License-Identifier: GPL-2.0-or-later
// The ring between the thread that empties the kernel's socket and the one that does everything
// else.
//
// An event costs 1,280 bytes of the kernel's receive buffer and 210 to 260 here, packed one behind
// the other, so a burst of a million events fits in 256 MiB. The memory is address space cut into
// chunks; those in use are linked, those free are reused last in, first out, and of the idle ones
// all but a few are given back to the system. One producer, one consumer, no lock.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/time.h"

namespace natledger {

struct RingEntry {
  enum class Kind : uint32_t {
    kDatagram,  // netlink messages, as received at `at`
    kDrained,   // at `at` the socket was empty: all that was sent before stands before this;
                // `count` is the socket's epoch then
    kOverrun,   // the kernel dropped `count` events (0: unknown) since the last kDrained, before
                // `at`
    kReaderTooSlow,  // the same, where this ring had no room for what the socket held
    kOversize,       // a datagram of `count` bytes was longer than a receive slot and is lost
    kForeign,  // a datagram in a capture that some process sent rather than the kernel, not taken
    kEnd,      // nothing follows
  };

  Kind kind;
  TimePoint at;
  uint64_t count = 0;
  std::span<const std::byte> datagram;  // of kDatagram; valid until the next call of next()
};

class EventRing {
 public:
  static constexpr size_t kChunkBytes = 256 * 1024;

  // `most_bytes` is rounded up to whole chunks. Throws SystemError when there is no address space.
  explicit EventRing(size_t most_bytes);
  ~EventRing();
  EventRing(const EventRing&) = delete;
  EventRing& operator=(const EventRing&) = delete;

  // The producer. Each group of pushes is preceded by has_room(); it is at most 64 datagrams,
  // kMostGroupBytes in all, and 64 marks. What is pushed is seen by the consumer after publish(). A
  // sleeping one is woken by a mark or a full chunk: waking it for each group costs more than the
  // group's own work.
  static constexpr size_t kMostGroupBytes = 64 * 2048;
  bool has_room() const;
  void push_datagram(TimePoint at, std::span<const std::byte> datagram);
  void push_mark(RingEntry::Kind kind, TimePoint at, uint64_t count = 0);
  void publish();

  // The consumer. False when nothing is there now.
  bool next(RingEntry& entry);
  // Returns at once when something is there; else waits until it is worth waking.
  void wait();

  // From any thread, approximately: bytes of memory held by the ring.
  size_t resident_bytes() const;

 private:
  struct Header;
  struct Links;

  std::byte* chunk(uint32_t index) const { return memory_ + size_t{index} * kChunkBytes; }
  void write(uint32_t kind, std::span<const std::byte> payload);
  void write_time(TimePoint at);
  uint32_t take_chunk();
  void free_chunk(uint32_t index);

  const uint32_t chunks_;
  std::byte* memory_ = nullptr;
  std::unique_ptr<Links> links_;

  // The producer's.
  uint32_t write_chunk_ = 0;
  size_t write_at_ = 0;
  TimePoint write_time_;
  bool worth_waking_ = false;

  // The consumer's.
  uint32_t read_chunk_ = 0;
  size_t read_at_ = 0;
  TimePoint read_time_;
};

}  // namespace natledger
