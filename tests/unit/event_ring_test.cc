// SPDX-License-Identifier: GPL-2.0-or-later
// The ring: what goes in comes out, in order, once; a full one says so, an idle one is small. The
// test of two threads is for ThreadSanitizer (preset tsan).
#include "kernel/event_ring.h"

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <deque>
#include <memory>
#include <random>
#include <span>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace natledger {
namespace {

using EntryKind = RingEntry::Kind;
using Message = std::vector<std::byte>;

constexpr size_t kLeastChunks = 4;
constexpr size_t kWarmChunks = 8;  // of the idle ones, those that keep their memory

// `bytes` bytes that tell which message they are, and whether they are whole.
Message message(uint64_t number, size_t bytes) {
  std::vector<uint64_t> words((bytes + 7) / 8);
  uint64_t state = number * 0x9e3779b97f4a7c15 + bytes;
  for (uint64_t& word : words) {
    state = state * 6364136223846793005 + 1442695040888963407;
    word = state;
  }
  const auto all = std::as_bytes(std::span{words});
  return {all.begin(), all.begin() + static_cast<ptrdiff_t>(bytes)};
}

bool equal(std::span<const std::byte> got, const Message& sent) {
  return got.size() == sent.size() && std::equal(got.begin(), got.end(), sent.begin());
}

TEST(EventRing, GivesWhatWasPutInItsOrder) {
  EventRing ring{1 << 20};
  const TimePoint early{1000};
  const TimePoint late{2000};
  ring.push_datagram(early, message(1, 240));
  ring.push_datagram(early, message(2, 0));
  ring.push_mark(EntryKind::kDrained, late);
  ring.push_mark(EntryKind::kOverrun, late, 1234);
  ring.push_mark(EntryKind::kOverrun, late, UINT64_MAX);
  ring.push_mark(EntryKind::kOverrun, late);
  ring.push_mark(EntryKind::kOversize, late, 5000);
  ring.push_mark(EntryKind::kForeign, late, 100);
  ring.push_datagram(early, message(3, 7));  // the clock may go back
  ring.push_datagram({}, message(4, 1));
  ring.push_mark(EntryKind::kEnd, late);
  ring.publish();
  struct Expected {
    EntryKind kind;
    TimePoint at;
    uint64_t count;
    Message datagram;
  };
  const Expected expected[] = {
      {EntryKind::kDatagram, early, 0, message(1, 240)},
      {EntryKind::kDatagram, early, 0, {}},
      {EntryKind::kDrained, late, 0, {}},
      {EntryKind::kOverrun, late, 1234, {}},
      {EntryKind::kOverrun, late, UINT64_MAX, {}},
      {EntryKind::kOverrun, late, 0, {}},
      {EntryKind::kOversize, late, 5000, {}},
      {EntryKind::kForeign, late, 100, {}},
      {EntryKind::kDatagram, early, 0, message(3, 7)},
      {EntryKind::kDatagram, {}, 0, message(4, 1)},
      {EntryKind::kEnd, late, 0, {}},
  };
  RingEntry entry{};
  for (const Expected& e : expected) {
    ASSERT_TRUE(ring.next(entry));
    EXPECT_EQ(entry.kind, e.kind);
    EXPECT_EQ(entry.at, e.at);
    EXPECT_EQ(entry.count, e.count);
    EXPECT_TRUE(equal(entry.datagram, e.datagram));
  }
  EXPECT_FALSE(ring.next(entry));
}

TEST(EventRing, WhatIsNotPublishedIsNotSeen) {
  EventRing ring{1 << 20};
  RingEntry entry{};
  EXPECT_FALSE(ring.next(entry));
  ring.push_datagram({1}, message(1, 8));
  EXPECT_FALSE(ring.next(entry));
  ring.publish();
  EXPECT_TRUE(ring.next(entry));
  ring.push_mark(EntryKind::kDrained, {2});
  EXPECT_FALSE(ring.next(entry));
  ring.publish();
  EXPECT_TRUE(ring.next(entry));
  EXPECT_EQ(entry.kind, EntryKind::kDrained);
}

// A ring, what it owes, and how its producer is told to behave.
class RingTest : public testing::Test {
 protected:
  void make(size_t bytes) { ring_ = std::make_unique<EventRing>(bytes); }

  void push(size_t bytes) {
    ring_->push_datagram({++clock_}, message(pushed_, bytes));
    owed_.push_back({pushed_++, bytes});
  }

  // Groups of the given shape until the ring says that it is full; returns how many messages.
  size_t fill(size_t datagrams, size_t bytes) {
    const size_t before = owed_.size();
    while (ring_->has_room()) {
      for (size_t i = 0; i < datagrams; ++i) push(bytes);
      ring_->publish();
    }
    return owed_.size() - before;
  }

  // Reads up to `most` entries, each of which must be the one owed next.
  size_t read(size_t most = SIZE_MAX) {
    size_t count = 0;
    for (RingEntry entry{}; count < most && ring_->next(entry); ++count) {
      EXPECT_FALSE(owed_.empty()) << "more than was put";
      if (owed_.empty()) break;
      const auto [number, bytes] = owed_.front();
      owed_.pop_front();
      EXPECT_TRUE(equal(entry.datagram, message(number, bytes))) << "message " << number;
      if (testing::Test::HasFailure()) break;
    }
    return count;
  }

  struct Owed {
    uint64_t number;
    size_t bytes;
  };

  std::unique_ptr<EventRing> ring_;
  std::deque<Owed> owed_;
  uint64_t pushed_ = 0;
  int64_t clock_ = 0;
};

TEST_F(RingTest, EverySizeFitsWhereverAChunkEnds) {
  make(EventRing::kChunkBytes * kLeastChunks);
  // The sizes drift against the chunk's, so that each distance from its end comes.
  for (size_t round = 0; round < 1500; ++round) {
    ASSERT_TRUE(ring_->has_room());
    push(round % 2049);
    push(2048);
    ring_->publish();
    ASSERT_EQ(read(), 2U) << "round " << round;
  }
}

TEST_F(RingTest, TheLargestGroupFitsAfterAnyBeginning) {
  for (size_t before = 0; before < EventRing::kChunkBytes; before += 3989) {
    make(1);
    // Two chunks stay free for the first part, and one is left when the largest group comes.
    for (size_t put = 0; put < 2 * EventRing::kChunkBytes + before; put += 1024) push(1024 - 24);
    ring_->publish();
    while (ring_->has_room()) {
      for (size_t i = 0; i < 64; ++i) {
        push(EventRing::kMostGroupBytes / 64);
        ring_->push_mark(EntryKind::kOverrun, {++clock_}, i);
      }
      ring_->publish();
    }
    size_t datagrams = 0;
    RingEntry entry{};
    while (ring_->next(entry)) datagrams += entry.kind == EntryKind::kDatagram ? 1 : 0;
    ASSERT_EQ(datagrams, owed_.size()) << "after " << before << " bytes";
    owed_.clear();
  }
}

TEST_F(RingTest, AFullRingHasRoomAgainOnceAChunkIsRead) {
  make(EventRing::kChunkBytes * kLeastChunks);
  fill(1, 1000);
  EXPECT_FALSE(ring_->has_room());
  EXPECT_EQ(read(1), 1U);
  EXPECT_FALSE(ring_->has_room()) << "a chunk is given back as a whole";
  constexpr size_t kInAChunk = EventRing::kChunkBytes / (8 + 16 + 1000);
  EXPECT_EQ(read(kInAChunk), kInAChunk);
  EXPECT_TRUE(ring_->has_room());
  EXPECT_GT(fill(1, 1000), 0U);
  for (int round = 0; round < 12; ++round) {
    read();
    ASSERT_TRUE(owed_.empty());
    ASSERT_GT(fill(1, 1000), 2 * (kInAChunk - 1)) << "no chunk is ever lost, round " << round;
  }
}

TEST_F(RingTest, HoldsAMillionEventsIn256MiB) {
  // A sixteenth of it: events of 240 bytes, one group a receive.
  make(256 / 16 << 20);
  EXPECT_GE(fill(64, 240), 1'000'000U / 16);
  read();
  EXPECT_TRUE(owed_.empty());
}

TEST_F(RingTest, ASmallRingHasFourChunksAndAnyOtherIsRoundedUp) {
  for (const size_t bytes : {size_t{0}, size_t{1}, EventRing::kChunkBytes * 4}) {
    make(bytes);
    owed_.clear();
    fill(1, 1016);  // with its header and time 1,040 bytes
    EXPECT_NEAR(static_cast<double>(owed_.size()), 3 * EventRing::kChunkBytes / 1040.0, 3) << bytes;
  }
  make(EventRing::kChunkBytes * 4 + 1);
  owed_.clear();
  fill(1, 1016);
  EXPECT_NEAR(static_cast<double>(owed_.size()), 4 * EventRing::kChunkBytes / 1040.0, 4);
}

TEST_F(RingTest, AnIdleRingHoldsLittleMemory) {
  make(64 << 20);
  EXPECT_LE(ring_->resident_bytes(), EventRing::kChunkBytes);
  fill(64, 2000);
  EXPECT_GE(ring_->resident_bytes(), 63U << 20);
  // The place of each page, to ask the system itself afterwards.
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  std::vector<std::byte*> pages;
  for (RingEntry entry{}; ring_->next(entry);) {
    const auto at = reinterpret_cast<uintptr_t>(entry.datagram.data()) / page * page;
    auto* start = reinterpret_cast<std::byte*>(at);
    if (pages.empty() || pages.back() != start) pages.push_back(start);
  }
  ASSERT_GT(pages.size(), (60U << 20) / page);
  size_t resident = 0;
  for (std::byte* start : pages) {
    unsigned char in_memory = 0;
    ASSERT_EQ(::mincore(start, page, &in_memory), 0);
    resident += in_memory & 1;
  }
  constexpr size_t kMost = (kWarmChunks + 1) * EventRing::kChunkBytes;
  EXPECT_LE(resident * page, kMost);
  EXPECT_LE(ring_->resident_bytes(), kMost);
}

TEST_F(RingTest, ASteadyStreamStaysInTheSameMemory) {
  make(64 << 20);
  for (size_t round = 0; round < 500; ++round) {
    for (size_t i = 0; i < 64; ++i) push(240);
    ring_->publish();
    read();
    ASSERT_LE(ring_->resident_bytes(), 4 * EventRing::kChunkBytes) << "round " << round;
  }
}

TEST_F(RingTest, WhoWaitsWhileSomethingIsThereDoesNot) {
  make(1);
  push(8);
  ring_->publish();
  ring_->wait();
  EXPECT_EQ(read(), 1U);
}

TEST_F(RingTest, ASleeperIsWokenByAMarkAndByAFullChunk) {
  make(1);
  std::atomic<size_t> seen{0};
  std::thread consumer{[&] {
    for (RingEntry entry{};;) {
      while (ring_->next(entry)) {
        if (entry.kind == EntryKind::kEnd) return;
        ++seen;
      }
      ring_->wait();
    }
  }};
  // A lost wake-up hangs here, and the test's time runs out.
  const auto until = [&](size_t count) {
    while (seen < count) std::this_thread::yield();
  };
  for (size_t i = 1; i <= 200; ++i) {
    ring_->push_mark(EntryKind::kDrained, {++clock_});
    ring_->publish();
    until(i);
  }
  size_t pushed = 200;
  for (size_t i = 0; i < EventRing::kChunkBytes / 1000 + 1; ++i, ++pushed) push(1000);
  ring_->publish();
  until(pushed);
  ring_->push_mark(EntryKind::kEnd, {++clock_});
  ring_->publish();
  consumer.join();
}

TEST(EventRingDeathTest, APushIntoAFullRingIsABugOfOurs) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        EventRing ring{1};
        const Message datagram(2048);
        for (size_t i = 0; i < 1000; ++i) ring.push_datagram({1}, datagram);
      },
      "a push into a full ring");
}

// Two threads: messages of random sizes, each checked; the marks count what the producer held back.
class RingOfTwoThreads : public testing::TestWithParam<size_t> {};

constexpr size_t kStressMessages = 120'000;

// Small ones mostly; some as large as a slot.
size_t stress_bytes(uint64_t number) {
  const uint64_t random = number * 0x9e3779b97f4a7c15 >> 32;
  return random % 16 == 0 ? random / 16 % 2049 : random / 16 % 260;
}

// Returns how often there was no room.
uint64_t produce(EventRing& ring) {
  std::mt19937 random{42};
  uint64_t full = 0;
  for (uint64_t number = 0; number < kStressMessages;) {
    while (!ring.has_room()) {
      ++full;
      std::this_thread::yield();
    }
    const size_t group = 1 + random() % 64;
    for (size_t i = 0; i < group && number < kStressMessages; ++i, ++number) {
      ring.push_datagram({static_cast<int64_t>(number / 7 + 1)},
                         message(number, stress_bytes(number)));
    }
    if (random() % 4 == 0) {
      ring.push_mark(EntryKind::kDrained, {static_cast<int64_t>(number)}, number);
    }
    ring.publish();
  }
  ring.push_mark(EntryKind::kEnd, {INT64_MAX}, full);
  ring.publish();
  return full;
}

TEST_P(RingOfTwoThreads, EachMessageArrivesOnceWholeAndInOrder) {
  EventRing ring{GetParam()};
  uint64_t full = 0;
  std::thread producer{[&] { full = produce(ring); }};
  uint64_t number = 0;
  uint64_t wrong = 0;
  RingEntry entry{};
  for (entry.kind = EntryKind::kDatagram; entry.kind != EntryKind::kEnd;) {
    if (!ring.next(entry)) {
      ring.wait();
      continue;
    }
    if (entry.kind == EntryKind::kDatagram) {
      const bool in_time = entry.at.ns == static_cast<int64_t>(number / 7 + 1);
      if (!in_time || !equal(entry.datagram, message(number, stress_bytes(number)))) ++wrong;
      ++number;
    } else if (entry.kind == EntryKind::kDrained && entry.count != number) {
      ++wrong;  // a mark stands behind all that came before it
    }
  }
  producer.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(number, kStressMessages);
  EXPECT_EQ(entry.count, full);
  EXPECT_FALSE(ring.next(entry));
}

INSTANTIATE_TEST_SUITE_P(SmallAndLarge, RingOfTwoThreads,
                         testing::Values(EventRing::kChunkBytes * 4, size_t{64} << 20));

}  // namespace
}  // namespace natledger
