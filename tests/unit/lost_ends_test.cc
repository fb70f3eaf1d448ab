// SPDX-License-Identifier: GPL-2.0-or-later
// Ends that nobody told, what is told twice, and flows of an earlier run.
#include <linux/netfilter/nf_conntrack_common.h>

#include "unit/live_flows_fixture.h"

namespace natledger {
namespace {

using LostEndsTest = LiveFlowsTest;

TEST_F(LostEndsTest, AnEndThatNobodyToldIsToldFromWhatIsRemembered) {
  Flow begin = event(Event::kNew);
  begin.event_time = kEventTime;
  begin.mark = 0xfffffffe;
  begin.zone = 7;
  begin.zone_direction = ZoneDirection::kReply;
  begin.reply = begin.orig;
  std::swap(begin.reply.source, begin.reply.target);
  begin.reply.source_port = 443;
  begin.reply.target_port = 53500;
  set_helper(begin, "ftp");
  begin = track(begin);
  live_.begin_resync(clock_);
  const std::vector<Flow> ends = end_unseen(clock_);
  ASSERT_EQ(ends.size(), 1U);
  const Flow& end = ends[0];
  EXPECT_EQ(end.event, Event::kDestroy);
  EXPECT_EQ(end.reason, Reason::kInferred);
  EXPECT_EQ(end.orig, begin.orig);
  EXPECT_EQ(end.reply, begin.reply);
  EXPECT_EQ(end.family, AF_INET);
  EXPECT_EQ(end.zone, 7);
  EXPECT_EQ(end.zone_direction, ZoneDirection::kReply);
  EXPECT_EQ(end.id, begin.id);
  EXPECT_EQ(end.mark, begin.mark);
  EXPECT_EQ(end.start, kEventTime);
  EXPECT_EQ(end.start_clock, StartClock::kEvent);
  EXPECT_EQ(end.first_sequence, 1U);
  EXPECT_EQ(end.helper.view(), "ftp");
  EXPECT_FALSE(end.end.known()) << "never a made-up instant";
  EXPECT_EQ(end.receipt, clock_) << "ulogd2's `timestamp`";
  EXPECT_EQ(live_.size(), 0U);
  EXPECT_TRUE(end_unseen(clock_).empty());
}

TEST_F(LostEndsTest, PingsAndIPv6AreRememberedWhole) {
  Flow ping = event(Event::kNew);
  ping.orig.protocol = kIcmp;
  ping.orig.source_port = ping.orig.target_port = 0;
  ping.orig.icmp_type = 8;
  ping.orig.icmp_code = 1;
  ping.orig.icmp_id = 0xabcd;
  ping.reply = ping.orig;
  ping.reply.icmp_type = 0;
  ping.reply.icmp_id = 0x1234;
  track(ping);
  Flow wide = event(Event::kNew);
  wide.family = AF_INET6;
  uint8_t byte = 1;
  for (IpAddress* address : {&wide.orig.source, &wide.orig.target}) {
    address->family = IpAddress::Family::kV6;
    for (uint8_t& b : address->bytes) b = byte++;
  }
  wide.reply = wide.orig;
  std::swap(wide.reply.source, wide.reply.target);
  track(wide);
  live_.begin_resync(clock_);
  const std::vector<Flow> ends = end_unseen(clock_);
  ASSERT_EQ(ends.size(), 2U);
  EXPECT_EQ(ends[0].orig, ping.orig);
  EXPECT_EQ(ends[0].reply, ping.reply);
  EXPECT_EQ(ends[1].orig, wide.orig);
  EXPECT_EQ(ends[1].reply, wide.reply);
  EXPECT_EQ(ends[1].family, AF_INET6);
}

TEST_F(LostEndsTest, AnUnseenEndLiesBetweenTheLastSightAndTheLook) {
  const TimePoint start = track(event(Event::kNew)).start;
  const TimePoint look = clock_ + std::chrono::hours{1};
  live_.begin_resync(look);
  // Nothing was lost, so it is one that the kernel does not tell of.
  std::vector<Flow> ends = end_unseen(look);
  ASSERT_EQ(ends.size(), 1U);
  EXPECT_EQ(ends[0].end_not_before, start);
  EXPECT_EQ(ends[0].end_not_after, look);
  live_.end_resync();

  clock_ = look;
  track(event(Event::kNew));
  track(event(Event::kNew, 2));
  const TimePoint second_look = clock_ + std::chrono::hours{1};
  live_.begin_resync(second_look);
  EXPECT_TRUE(live_.sees(dumped()));
  EXPECT_TRUE(live_.sees(dumped(2)));
  EXPECT_TRUE(end_unseen(second_look).empty());
  live_.end_resync();
  clock_ = second_look + std::chrono::hours{1};
  track(event(Event::kUpdate, 2));
  live_.begin_resync(clock_ + std::chrono::hours{1});
  EXPECT_TRUE(live_.sees(dumped(2)));
  ends = end_unseen(clock_ + std::chrono::hours{1});
  ASSERT_EQ(ends.size(), 1U);
  EXPECT_EQ(ends[0].end_not_before, second_look) << "the last dump that showed it";
}

TEST_F(LostEndsTest, AFlowWithoutAStartWasThereWhenItWasFirstSeen) {
  const TimePoint seen = track(event(Event::kUpdate)).receipt;
  Flow second = event(Event::kUpdate);
  second.id = 78;
  second = track(second);
  ASSERT_EQ(tracked_, Tracked::kOtherEnded);
  EXPECT_EQ(ended_.end_not_before, seen);
  EXPECT_EQ(ended_.end_not_after, second.receipt);
}

TEST_F(LostEndsTest, BeforeTheLossAnEndWouldHaveBeenTold) {
  track(event(Event::kNew));
  Flow old = dumped(2);
  old.sequence = ++sequence_;
  old.receipt = clock_;
  live_.begin_resync(clock_);
  ASSERT_EQ(live_.adopt(old), Tracked::kRecord);
  EXPECT_TRUE(live_.sees(dumped()));
  EXPECT_TRUE(end_unseen(clock_).empty());
  live_.end_resync();
  const TimePoint dump = clock_;
  const TimePoint lost_from = clock_ + std::chrono::seconds{100};
  // What ran out in the minute before it may have been reaped within it.
  live_.lose(lost_from, lost_from + std::chrono::seconds{1});
  live_.lose(lost_from + std::chrono::seconds{5}, lost_from + std::chrono::seconds{6});
  const TimePoint look = lost_from + std::chrono::seconds{10};
  live_.begin_resync(look);
  const std::vector<Flow> ends = end_unseen(look);
  ASSERT_EQ(ends.size(), 2U);
  for (const Flow& end : ends) {
    EXPECT_EQ(end.end_not_after, look);
    EXPECT_EQ(end.end_not_before,
              end.orig.source_port == 2 ? dump : lost_from - std::chrono::seconds{60})
        << "of a flow that was only found in the table the kernel may tell nothing";
  }
}

TEST_F(LostEndsTest, AFlowThatFollowsOnTheTupleBoundsTheEndBefore) {
  const TimePoint start = track(event(Event::kNew)).start;
  Flow second = event(Event::kNew);
  second.id = 78;
  second.event_time = clock_ + std::chrono::milliseconds{500};
  track(second);
  ASSERT_EQ(tracked_, Tracked::kOtherEnded);
  EXPECT_EQ(ended_.id, 77U);
  EXPECT_EQ(ended_.first_sequence, 1U);
  EXPECT_EQ(ended_.end_not_before, start);
  EXPECT_EQ(ended_.end_not_after, second.event_time);
  EXPECT_EQ(ended_.receipt, clock_);
  // An update of a third, the end of a fourth, an entry of a fifth.
  Flow third = event(Event::kUpdate);
  third.id = 79;
  third = track(third);
  ASSERT_EQ(tracked_, Tracked::kOtherEnded);
  EXPECT_EQ(ended_.id, 78U);
  EXPECT_EQ(ended_.end_not_after, third.receipt);
  track(event(Event::kNew));
  EXPECT_EQ(ended_.id, 79U);
  Flow fifth = event(Event::kDestroy);
  fifth.kernel_start = clock_ + std::chrono::seconds{1};
  fifth.kernel_stop = clock_ + std::chrono::seconds{2};
  fifth = track(fifth);
  ASSERT_EQ(tracked_, Tracked::kOtherEnded) << "the same id, another start";
  EXPECT_EQ(ended_.end_not_after, fifth.kernel_start);
  EXPECT_EQ(fifth.first_sequence, fifth.sequence);
  EXPECT_EQ(live_.size(), 0U);
  track(event(Event::kNew));
  Flow entry = dumped();
  entry.id = 80;
  entry.kernel_start = clock_ + std::chrono::seconds{1};
  entry.sequence = ++sequence_;
  entry.receipt = clock_ + std::chrono::seconds{5};
  ASSERT_EQ(live_.adopt(entry), Tracked::kOtherEnded);
  EXPECT_EQ(live_.ended_unseen().end_not_after, entry.kernel_start);
  EXPECT_EQ(live_.adopt(entry), Tracked::kRecord);
  EXPECT_EQ(live_.size(), 1U);
}

TEST_F(LostEndsTest, ALateEndOfAnEarlierFlowLeavesTheOneThatIsOpen) {
  Flow second = event(Event::kNew);
  second.event_time = kNoon;
  track(second);
  Flow first = event(Event::kDestroy);
  first.id = 76;
  first.kernel_start = kKernelStart;
  first = track(first);
  EXPECT_EQ(tracked_, Tracked::kRecord);
  EXPECT_EQ(first.first_sequence, first.sequence);
  EXPECT_EQ(live_.size(), 1U);
}

TEST_F(LostEndsTest, AnEventMarksItsFlowAsSeen) {
  track(event(Event::kNew));
  live_.begin_resync(clock_);
  track(event(Event::kUpdate));
  track(event(Event::kNew, 2));
  live_.visit_unseen([](const Flow&) { ADD_FAILURE() << "both were seen"; });
  EXPECT_TRUE(end_unseen(clock_).empty());
}

TEST_F(LostEndsTest, AFlowOfAnEarlierRunKeepsItsIdAndWhatWasKnown) {
  Flow old = event(Event::kNew);
  old.first_sequence = 4711;
  old.first_epoch = 3;
  old.parent_sequence = 12;
  old.parent_epoch = 2;
  old.start = kNoon;
  old.start_clock = StartClock::kEvent;
  set_helper(old, "ftp");
  live_.restore(old);
  Flow parent = event(Event::kNew, 2);
  parent.first_sequence = 20;
  parent.first_epoch = 1;
  live_.restore(parent);
  Flow child = event(Event::kNew, 3);
  child.has_master = true;
  child.master = parent.orig;
  child = track(child);
  EXPECT_EQ(child.first_epoch, 0);
  EXPECT_EQ(child.parent_sequence, 20U);
  EXPECT_EQ(child.parent_epoch, 1);
  const Flow end = track(event(Event::kDestroy));
  EXPECT_EQ(end.first_sequence, 4711U);
  EXPECT_EQ(end.first_epoch, 3);
  EXPECT_EQ(end.parent_sequence, 12U);
  EXPECT_EQ(end.parent_epoch, 2);
  EXPECT_EQ(end.start, kNoon);
  EXPECT_EQ(end.helper.view(), "ftp");
}

struct SameFlowCase {
  const char* what;
  StartClock clock;  // whose the known start, kNoon, is
  Duration later;    // so much later the kernel says that the entry's is
  bool same;
};

TEST_F(LostEndsTest, AnEntryIsTheFlowThatItsStartSays) {
  using namespace std::chrono_literals;
  for (const SameFlowCase& row :
       {SameFlowCase{"read", StartClock::kReceipt, -1ms, true},
        {"read, and begun again", StartClock::kReceipt, 1us, false},
        {"told of before it had a start", StartClock::kEvent, 130us, true},
        {"told of after", StartClock::kEvent, -1us, true},
        {"told of long before", StartClock::kEvent, 61s, false},
        {"the kernel's", StartClock::kKernel, 0ns, true},
        {"the kernel's, and begun again", StartClock::kKernel, 1ns, false},
        {"the kernel's, of one before", StartClock::kKernel, -1ns, false}}) {
    LiveFlows live{10};
    Flow begin = event(Event::kNew);
    begin.receipt = kNoon;
    begin.sequence = 1;
    if (row.clock == StartClock::kEvent) begin.event_time = kNoon;
    if (row.clock == StartClock::kKernel) begin.kernel_start = kNoon;
    live.track(begin);
    Flow entry = dumped();
    entry.kernel_start = kNoon + row.later;
    EXPECT_EQ(live.sees(entry), row.same) << row.what;
  }
}

TEST_F(LostEndsTest, AnEntryTranslatedOtherwiseIsAnotherFlow) {
  Flow begin = event(Event::kNew);
  begin.event_time = kNoon;
  begin.reply.target_port = 53500;
  track(begin);
  Flow entry = dumped();
  entry.kernel_start = kNoon + std::chrono::microseconds{130};
  entry.reply.target_port = 53501;
  EXPECT_FALSE(live_.sees(entry));
  entry.reply.target_port = 53500;
  EXPECT_TRUE(live_.sees(entry));
  // From now on its start is known exactly.
  entry.kernel_start = kNoon;
  EXPECT_FALSE(live_.sees(entry));
}

TEST_F(LostEndsTest, WithoutTimesATupleThatWasTranslatedAnewInAGapIsTwoFlows) {
  Flow begin = event(Event::kNew);
  begin.reply.target_port = 53500;
  track(begin);
  live_.lose(clock_, clock_);
  live_.begin_resync(clock_);
  Flow entry = dumped();
  entry.receipt = clock_;
  entry.reply.target_port = 53501;
  EXPECT_FALSE(live_.sees(entry)) << "the same ct.id";
  EXPECT_EQ(live_.adopt(entry), Tracked::kOtherEnded);
  EXPECT_EQ(live_.ended_unseen().reply.target_port, 53500);
  EXPECT_EQ(live_.adopt(entry), Tracked::kRecord);
  EXPECT_EQ(live_.size(), 1U);
}

TEST_F(LostEndsTest, AnEndWithoutAStartIsNoSuccessors) {
  Flow old = event(Event::kNew);
  old.event_time = {-kNoon.ns};
  track(old);
  Flow end = event(Event::kDestroy);
  end.id = 78;
  track(end);
  EXPECT_EQ(tracked_, Tracked::kRecord);
  EXPECT_EQ(live_.size(), 1U);
}

TEST_F(LostEndsTest, AnEndThatIsToldTwiceIsOneEnd) {
  track(event(Event::kNew));
  Flow end = event(Event::kDestroy);
  end.kernel_start = kKernelStart;
  track(end);
  EXPECT_EQ(tracked_, Tracked::kRecord);
  track(end);
  EXPECT_EQ(tracked_, Tracked::kRepeated);
  // The next flow of the same id on the tuple is another one.
  end.kernel_start = kEventTime;
  track(end);
  EXPECT_EQ(tracked_, Tracked::kRecord);
  // Without the kernel's start nobody can tell.
  end.kernel_start = {};
  track(end);
  track(end);
  EXPECT_EQ(tracked_, Tracked::kRecord);
}

TEST_F(LostEndsTest, AStartThatIsToldTwiceIsOneStart) {
  Flow begin = event(Event::kNew);
  track(begin);
  begin.status = IPS_SEEN_REPLY;
  track(begin);
  EXPECT_EQ(tracked_, Tracked::kRepeated);
  begin.status = 0;
  track(begin);
  EXPECT_EQ(tracked_, Tracked::kOtherEnded) << "ids repeat";
  live_.lose(clock_, clock_);
  begin.status = IPS_SEEN_REPLY;
  track(begin);
  EXPECT_EQ(tracked_, Tracked::kOtherEnded) << "its end may be among what was lost";
}

}  // namespace
}  // namespace natledger
