// SPDX-License-Identifier: GPL-2.0-or-later
// Once everything is as large as it gets, an event allocates nothing, from the ring to the ledger.
//
// A program of its own, since it replaces operator new.
#include <cstdlib>
#include <new>

#include <gtest/gtest.h>

#include "agent/config.h"
#include "agent/pipeline.h"
#include "ledger/ledger.h"
#include "unit/test_support.h"

namespace {

size_t allocations = 0;

void* allocate(size_t bytes, size_t alignment = alignof(std::max_align_t)) {
  ++allocations;
  void* memory = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (memory == nullptr) throw std::bad_alloc{};
  return memory;
}

}  // namespace

void* operator new(size_t bytes) { return allocate(bytes); }
void* operator new[](size_t bytes) { return allocate(bytes); }
void* operator new(size_t bytes, std::align_val_t alignment) {
  return allocate(bytes, static_cast<size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }

namespace natledger {
namespace {

class AllocationTest : public testing::Test {
 protected:
  AllocationTest() {
    EncoderOptions encoding;
    encoding.id_prefix = ledger_.id_prefix();
    encoding.observer = "gw1";
    pipeline_ = std::make_unique<Pipeline>(
        PipelineParts{.sink = ledger_,
                      .encoder = make_encoder(Record::kFull, encoding),
                      .enrichers = make_enrichers(Config{}),
                      .events = kNewEvents | kUpdateEvents | kDestroyEvents,
                      .max_flows = 100000,
                      .coverage = nullptr,
                      .wait_for_sink = nullptr});
    pipeline_->begin(kAt, nullptr);
  }

  // Every recorded message once: all protocols, helpers, labels, zones.
  size_t run_all_messages() {
    for (const GoldenRow& row : golden_rows()) ring_.push_datagram(kAt, row.message);
    ring_.push_mark(RingEntry::Kind::kDrained, kAt);
    ring_.publish();
    pipeline_->drain(ring_);
    return golden_rows().size();
  }

  static constexpr TimePoint kAt{1795331340000000000};

  TempDir dir_;
  Ledger ledger_{
      {.directory = dir_ / "ledger", .state = dir_ / "state", .sync = "never", .group = ""}};
  EventRing ring_{4 << 20};
  std::unique_ptr<Pipeline> pipeline_;
};

TEST_F(AllocationTest, TheCounterCounts) {
  const size_t before = allocations;
  const auto text = std::make_unique<std::string>(1000, 'x');
  EXPECT_EQ(allocations, before + 2);
}

TEST_F(AllocationTest, NoEventAllocatesAfterWarmUp) {
  for (int round = 0; round < 10; ++round) run_all_messages();
  const uint64_t flows_before = pipeline_->stats().flows;
  const size_t before = allocations;
  size_t messages = 0;
  for (int round = 0; round < 100; ++round) messages += run_all_messages();
  EXPECT_EQ(allocations, before) << "in " << messages << " messages";
  EXPECT_GT(pipeline_->stats().flows, flows_before + 10000);
}

}  // namespace
}  // namespace natledger
