// SPDX-License-Identifier: GPL-2.0-or-later
// What is remembered of open flows, and what an end is told by it.
#include "flow/live_flows.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <netinet/in.h>

#include <map>
#include <random>

#include <gtest/gtest.h>

#include "flow/protocol.h"

namespace natledger {
namespace {

constexpr TimePoint kNoon{1795348800 * kNsPerSecond};
constexpr TimePoint kEventTime{kNoon.ns - 1000};
constexpr TimePoint kKernelStart{kNoon.ns - 2000};

IpAddress v4(uint32_t host) {
  IpAddress address;
  address.family = IpAddress::Family::kV4;
  address.bytes = {10, static_cast<uint8_t>(host >> 16), static_cast<uint8_t>(host >> 8),
                   static_cast<uint8_t>(host)};
  return address;
}

// One TCP flow; tests change what they are about.
Flow event(Event kind, uint16_t port = 1000) {
  Flow flow;
  flow.event = kind;
  flow.family = AF_INET;
  flow.orig.source = v4(1);
  flow.orig.target = v4(2);
  flow.orig.protocol = kTcp;
  flow.orig.source_port = port;
  flow.orig.target_port = 443;
  flow.id = 77;
  return flow;
}

void set_helper(Flow& flow, std::string_view name) {
  std::copy(name.begin(), name.end(), flow.helper.text.begin());
  flow.helper.bytes = static_cast<uint8_t>(name.size());
}

class LiveFlowsTest : public testing::Test {
 protected:
  // Numbers and times the event as it is read, one a second.
  Flow track(Flow flow) { return track(live_, flow); }
  Flow track(LiveFlows& live, Flow flow) {
    flow.sequence = ++sequence_;
    flow.receipt = clock_ = clock_ + std::chrono::seconds{1};
    tracked_ = live.track(flow);
    if (tracked_ != Tracked::kOtherEnded) return flow;
    ended_ = live.ended_unseen();
    EXPECT_NE(live.track(flow), Tracked::kOtherEnded) << "once";
    return flow;
  }

  std::vector<Flow> end_unseen(TimePoint not_after) {
    std::vector<Flow> ends;
    live_.end_unseen(not_after, [&](const Flow& flow) { ends.push_back(flow); });
    return ends;
  }

  LiveFlows live_{1000};
  TimePoint clock_ = kNoon;
  uint64_t sequence_ = 0;
  Tracked tracked_ = Tracked::kRecord;  // what the last track() said at first
  Flow ended_;                          // what it said had ended unseen
};

TEST_F(LiveFlowsTest, AStartIsByTheBestClockThatTheEventHas) {
  Flow flow = track(event(Event::kNew));
  EXPECT_EQ(flow.start, flow.receipt);
  EXPECT_EQ(flow.start_clock, StartClock::kReceipt);
  EXPECT_FALSE(flow.end.known());
  flow = event(Event::kNew, 1001);
  flow.event_time = kEventTime;
  flow = track(flow);
  EXPECT_EQ(flow.start, kEventTime);
  EXPECT_EQ(flow.start_clock, StartClock::kEvent);
  flow.kernel_start = kKernelStart;
  flow = track(flow);
  EXPECT_EQ(flow.start, kKernelStart);
  EXPECT_EQ(flow.start_clock, StartClock::kKernel);
}

TEST_F(LiveFlowsTest, TheOldestRecordOfAnOpenFlow) {
  EXPECT_EQ(live_.oldest_sequence(9), 9U) << "none is open";
  track(event(Event::kNew, 1));
  Flow six = event(Event::kNew, 2);
  six.family = AF_INET6;
  track(six);
  track(event(Event::kNew, 3));
  EXPECT_EQ(live_.oldest_sequence(9), 1U);
  track(event(Event::kDestroy, 1));
  EXPECT_EQ(live_.oldest_sequence(9), 2U);
  six.event = Event::kDestroy;
  track(six);
  EXPECT_EQ(live_.oldest_sequence(9), 3U);
  Flow found = event(Event::kNew, 4);
  live_.adopt(found);
  EXPECT_EQ(live_.oldest_sequence(9), 0U) << "that one has no record";
}

TEST_F(LiveFlowsTest, AnEndIsToldWhatOnlyTheBeginningKnew) {
  Flow begin = event(Event::kNew);
  begin.event_time = kEventTime;
  begin.labels.words = {8, uint64_t{1} << 63};
  set_helper(begin, "ftp");
  begin = track(begin);
  const Flow end = track(event(Event::kDestroy));
  EXPECT_EQ(end.sequence, 2U);
  EXPECT_EQ(end.first_sequence, 1U);
  EXPECT_EQ(end.start, kEventTime);
  EXPECT_EQ(end.start_clock, StartClock::kEvent);
  EXPECT_EQ(end.end, end.receipt);
  EXPECT_EQ(end.helper, begin.helper);
  EXPECT_EQ(end.labels, begin.labels);
  EXPECT_EQ(live_.size(), 0U);
}

TEST_F(LiveFlowsTest, TheKernelsOwnTimesAreBelievedFirst) {
  track(event(Event::kNew));
  Flow end = event(Event::kDestroy);
  end.kernel_start = kKernelStart;
  end.kernel_stop = kNoon;
  end = track(end);
  EXPECT_EQ(end.first_sequence, 1U);
  EXPECT_EQ(end.start, kKernelStart);
  EXPECT_EQ(end.start_clock, StartClock::kKernel);
  EXPECT_EQ(end.end, kNoon);
}

TEST_F(LiveFlowsTest, AnEndWhoseBeginningWasNotSeenHasNoMadeUpStart) {
  const Flow end = track(event(Event::kDestroy));
  EXPECT_EQ(end.first_sequence, end.sequence);
  EXPECT_FALSE(end.start.known());
  EXPECT_EQ(end.start_clock, StartClock::kNone);
  EXPECT_EQ(end.end, end.receipt);
}

struct KeyCase {
  const char* what;
  void (*change)(Flow&);
};

TEST_F(LiveFlowsTest, WhatDiffersInItsOriginalTupleOrZoneIsAnotherFlow) {
  const KeyCase cases[] = {
      {"source", [](Flow& f) { f.orig.source = v4(3); }},
      {"target", [](Flow& f) { f.orig.target = v4(3); }},
      {"source port", [](Flow& f) { f.orig.source_port = 2; }},
      {"target port", [](Flow& f) { f.orig.target_port = 2; }},
      {"protocol", [](Flow& f) { f.orig.protocol = kUdp; }},
      {"zone", [](Flow& f) { f.zone = 5; }},
      {"the zone's direction", [](Flow& f) { f.zone_direction = ZoneDirection::kOrig; }},
      {"family", [](Flow& f) { f.family = AF_INET6; }},
      {"id", [](Flow& f) { f.id = 78; }},
  };
  for (const KeyCase& c : cases) {
    LiveFlows live{10};
    const Flow begin = track(live, event(Event::kNew));
    Flow other = event(Event::kDestroy);
    c.change(other);
    EXPECT_FALSE(track(live, other).start.known()) << c.what;
    EXPECT_EQ(live.size(), 1U) << c.what;
    EXPECT_EQ(track(live, event(Event::kDestroy)).first_sequence, begin.sequence) << c.what;
  }
}

TEST_F(LiveFlowsTest, TheReplyDoesNotMatter) {
  track(event(Event::kNew));
  Flow end = event(Event::kDestroy);
  end.reply.target = v4(9);
  end.mark = 5;
  EXPECT_EQ(track(end).first_sequence, 1U);
}

TEST_F(LiveFlowsTest, PingsDifferByIdTypeAndCode) {
  const KeyCase cases[] = {
      {"id", [](Flow& f) { f.orig.icmp_id = 2; }},
      {"type", [](Flow& f) { f.orig.icmp_type = 13; }},
      {"code", [](Flow& f) { f.orig.icmp_code = 1; }},
  };
  for (const uint8_t protocol : {kIcmp, kIcmp6}) {
    for (const KeyCase& c : cases) {
      LiveFlows live{10};
      Flow ping = event(Event::kNew);
      ping.orig.protocol = protocol;
      ping.orig.icmp_id = 1;
      track(live, ping);
      Flow other = ping;
      other.event = Event::kDestroy;
      c.change(other);
      EXPECT_FALSE(track(live, other).start.known()) << c.what;
      ping.event = Event::kDestroy;
      EXPECT_TRUE(track(live, ping).start.known()) << c.what;
    }
  }
}

TEST_F(LiveFlowsTest, IPv6IsComparedToItsLastByte) {
  Flow begin = event(Event::kNew);
  begin.family = AF_INET6;
  begin.orig.source = *parse_address("fd00:1::81");
  begin.orig.target = *parse_address("2001:db8::9");
  track(begin);
  Flow other = begin;
  other.event = Event::kDestroy;
  other.orig.target = *parse_address("2001:db8::a");
  EXPECT_FALSE(track(other).start.known());
  begin.event = Event::kDestroy;
  EXPECT_EQ(track(begin).first_sequence, 1U);
}

TEST_F(LiveFlowsTest, ANewFlowOnATupleTakesThePlaceOfOneWhoseEndWasLost) {
  Flow stale = event(Event::kNew);
  set_helper(stale, "ftp");
  track(stale);
  Flow second = event(Event::kNew);
  second.id = 78;
  const Flow begin = track(second);
  EXPECT_EQ(tracked_, Tracked::kOtherEnded);
  EXPECT_EQ(begin.first_sequence, 2U);
  EXPECT_EQ(begin.helper.bytes, 0) << "the other's helper is not its own";
  EXPECT_EQ(live_.size(), 1U);
  second.event = Event::kDestroy;
  const Flow end = track(second);
  EXPECT_EQ(end.first_sequence, 2U);
  EXPECT_EQ(end.helper.bytes, 0);
}

TEST_F(LiveFlowsTest, AFlowFirstSeenInMidLifeHasARecordButNoStart) {
  const Flow update = track(event(Event::kUpdate));
  EXPECT_FALSE(update.start.known());
  EXPECT_FALSE(update.end.known());
  const Flow end = track(event(Event::kDestroy));
  EXPECT_EQ(end.first_sequence, update.sequence);
  EXPECT_FALSE(end.start.known());
  EXPECT_EQ(end.start_clock, StartClock::kNone);
}

TEST_F(LiveFlowsTest, AnUpdateIsCompletedAndAddsWhatItKnows) {
  Flow begin = event(Event::kNew);
  set_helper(begin, "ftp");
  begin = track(begin);
  Flow update = event(Event::kUpdate);
  update.labels.words = {4, 0};
  update = track(update);
  EXPECT_EQ(update.first_sequence, begin.sequence);
  EXPECT_EQ(update.start, begin.start);
  EXPECT_EQ(update.helper.view(), "ftp");
  const Flow end = track(event(Event::kDestroy));
  EXPECT_EQ(end.helper.view(), "ftp");
  EXPECT_EQ(end.labels.words[0], 4U);
}

TEST_F(LiveFlowsTest, AnUpdateOfAnotherEntryOnTheTupleIsANewFlow) {
  track(event(Event::kNew));
  Flow update = event(Event::kUpdate);
  update.id = 78;
  EXPECT_EQ(track(update).first_sequence, 2U);
  EXPECT_EQ(live_.size(), 1U);
  EXPECT_EQ(track(event(Event::kDestroy)).first_sequence, 3U) << "its entry was gone";
}

TEST_F(LiveFlowsTest, AFlowKnowsTheOneThatAnnouncedIt) {
  Flow control = event(Event::kNew, 21);
  control.zone = 5;
  track(control);
  Flow data = event(Event::kNew, 20);
  data.zone = 5;
  data.has_master = true;
  data.master = control.orig;
  EXPECT_EQ(track(data).parent_sequence, 1U);
  Flow end = event(Event::kDestroy, 20);
  end.zone = 5;
  EXPECT_EQ(track(end).parent_sequence, 1U) << "which the end itself does not say";
  data.zone = 6;
  EXPECT_EQ(track(data).parent_sequence, 0U) << "no such flow in that zone";
}

TEST_F(LiveFlowsTest, BeyondItsBoundFlowsAreCountedAndStillRecorded) {
  LiveFlows live{3};
  for (uint16_t port = 0; port < 5; ++port) {
    Flow begin = event(Event::kNew, port);
    if (port == 4) begin.family = AF_INET6;  // the bound is of both families together
    begin = track(live, begin);
    EXPECT_TRUE(begin.start.known());
    EXPECT_EQ(begin.first_sequence, begin.sequence);
  }
  EXPECT_EQ(live.size(), 3U);
  EXPECT_EQ(live.not_held(), 2U);
  EXPECT_FALSE(track(live, event(Event::kDestroy, 3)).start.known());
  EXPECT_TRUE(track(live, event(Event::kDestroy, 0)).start.known());
  track(live, event(Event::kNew, 9));
  EXPECT_EQ(live.not_held(), 2U) << "there was room again";
  track(live, event(Event::kNew, 9));
  EXPECT_EQ(live.not_held(), 2U) << "a stale entry makes room for its successor";
  EXPECT_EQ(live.size(), 3U);
}

TEST_F(LiveFlowsTest, EntriesOfADumpAreCompletedButNotRemembered) {
  Flow entry = event(Event::kUpdate);
  entry.from_dump = true;
  entry.kernel_start = kKernelStart;
  entry = track(entry);
  EXPECT_EQ(entry.first_sequence, 1U);
  EXPECT_EQ(entry.start, kKernelStart);
  EXPECT_EQ(live_.size(), 0U);
}

// A dump's entry of the flow that event() makes.
Flow dumped(uint16_t port = 1000) {
  Flow entry = event(Event::kUpdate, port);
  entry.from_dump = true;
  return entry;
}

TEST_F(LiveFlowsTest, AResyncKnowsWhatIsOpenAndWhatEndedMeanwhile) {
  track(event(Event::kNew, 1));
  track(event(Event::kNew, 2));
  track(event(Event::kNew, 3));
  track(event(Event::kDestroy, 3));
  live_.begin_resync(clock_);
  track(event(Event::kDestroy, 2));
  track(event(Event::kDestroy, 4));
  EXPECT_TRUE(live_.sees(dumped(1)));
  EXPECT_TRUE(live_.sees(dumped(2))) << "ended since";
  EXPECT_TRUE(live_.sees(dumped(4))) << "ended since, though it was never known";
  EXPECT_FALSE(live_.sees(dumped(3))) << "ended before";
  EXPECT_FALSE(live_.sees(dumped(5)));
  Flow successor = dumped(1);
  successor.id = 78;
  EXPECT_FALSE(live_.sees(successor));
  Flow reused = dumped(1);  // ids repeat
  reused.kernel_start = {INT64_MAX};
  EXPECT_FALSE(live_.sees(reused));
  live_.end_resync();
  EXPECT_FALSE(live_.sees(dumped(2)));
  EXPECT_TRUE(live_.sees(dumped(1)));
  track(event(Event::kDestroy, 1));
  EXPECT_FALSE(live_.sees(dumped(1))) << "ends are remembered only while a resync runs";
}

TEST_F(LiveFlowsTest, AnAdoptedFlowIsAnInferredStartThatItsEndFinds) {
  Flow entry = dumped();
  entry.sequence = ++sequence_;
  entry.receipt = kNoon;
  live_.adopt(entry);
  EXPECT_EQ(entry.event, Event::kNew);
  EXPECT_EQ(entry.reason, Reason::kInferred);
  EXPECT_EQ(entry.start_not_after, kNoon);
  EXPECT_FALSE(entry.start.known()) << "never a made-up instant";
  EXPECT_EQ(entry.first_sequence, 1U);
  const Flow end = track(event(Event::kDestroy));
  EXPECT_EQ(end.first_sequence, 1U);
  EXPECT_FALSE(end.start.known());
  entry.kernel_start = kKernelStart;
  live_.adopt(entry);
  EXPECT_EQ(entry.start, kKernelStart);
  EXPECT_EQ(entry.start_clock, StartClock::kKernel);
}

TEST_F(LiveFlowsTest, AnEndThatNobodyToldIsToldFromWhatIsRemembered) {
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
  EXPECT_EQ(live_.size(), 0U);
  EXPECT_TRUE(end_unseen(clock_).empty());
}

TEST_F(LiveFlowsTest, PingsAndIPv6AreRememberedWhole) {
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

TEST_F(LiveFlowsTest, AnUnseenEndLiesBetweenTheLastSightAndTheLook) {
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

TEST_F(LiveFlowsTest, BeforeTheLossAnEndWouldHaveBeenTold) {
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
  live_.lose(lost_from, lost_from + std::chrono::seconds{1});
  live_.lose(lost_from + std::chrono::seconds{5}, lost_from + std::chrono::seconds{6});
  const TimePoint look = lost_from + std::chrono::seconds{10};
  live_.begin_resync(look);
  const std::vector<Flow> ends = end_unseen(look);
  ASSERT_EQ(ends.size(), 2U);
  for (const Flow& end : ends) {
    EXPECT_EQ(end.end_not_after, look);
    EXPECT_EQ(end.end_not_before, end.orig.source_port == 2 ? dump : lost_from)
        << "of a flow that was only found in the table the kernel may tell nothing";
  }
}

TEST_F(LiveFlowsTest, AFlowThatFollowsOnTheTupleBoundsTheEndBefore) {
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

TEST_F(LiveFlowsTest, ALateEndOfAnEarlierFlowLeavesTheOneThatIsOpen) {
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

TEST_F(LiveFlowsTest, AnEventMarksItsFlowAsSeen) {
  track(event(Event::kNew));
  live_.begin_resync(clock_);
  track(event(Event::kUpdate));
  track(event(Event::kNew, 2));
  live_.visit_unseen([](const Flow&) { ADD_FAILURE() << "both were seen"; });
  EXPECT_TRUE(end_unseen(clock_).empty());
}

TEST_F(LiveFlowsTest, AFlowOfAnEarlierRunKeepsItsIdAndWhatWasKnown) {
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

TEST_F(LiveFlowsTest, AnEntryIsTheFlowThatItsStartSays) {
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

TEST_F(LiveFlowsTest, AnEntryTranslatedOtherwiseIsAnotherFlow) {
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

TEST_F(LiveFlowsTest, AnEndThatIsToldTwiceIsOneEnd) {
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

TEST_F(LiveFlowsTest, AStartThatIsToldTwiceIsOneStart) {
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

TEST_F(LiveFlowsTest, RandomEventsAreJoinedAsASimpleMapJoinsThem) {
  std::map<std::pair<uint32_t, uint16_t>, uint64_t> open;  // to the first record
  std::mt19937_64 random{6};
  LiveFlows live{150};
  for (int i = 0; i < 100'000; ++i) {
    const auto host = static_cast<uint32_t>(random() % 100);
    const auto zone = static_cast<uint16_t>(random() % 4);
    Flow flow = event(random() % 2 == 0 ? Event::kNew : Event::kDestroy);
    flow.orig.source = v4(host);
    flow.zone = zone;
    if (random() % 3 == 0) set_helper(flow, "sip");
    flow = track(live, flow);
    const auto known = open.find({host, zone});
    if (flow.event == Event::kNew) {
      if (known != open.end() || open.size() < 150) open[{host, zone}] = flow.sequence;
    } else {
      ASSERT_EQ(flow.first_sequence, known == open.end() ? flow.sequence : known->second) << i;
      if (known != open.end()) open.erase(known);
    }
    ASSERT_EQ(live.size(), open.size()) << i;
  }
  EXPECT_GT(live.not_held(), 0U);
}

TEST_F(LiveFlowsTest, ChurnOfFlowsWithHelpersNeedsNoMemory) {
  const auto churn = [this] {
    for (uint16_t port = 0; port < 2'000; ++port) {
      Flow begin = event(Event::kNew, port);
      set_helper(begin, "ftp");
      track(begin);
      if (port >= 500) track(event(Event::kDestroy, static_cast<uint16_t>(port - 500)));
    }
    for (uint16_t port = 1'500; port < 2'000; ++port) track(event(Event::kDestroy, port));
    EXPECT_EQ(live_.size(), 0U);
  };
  churn();
  const size_t once = live_.memory_bytes();
  churn();
  EXPECT_EQ(live_.memory_bytes(), once);
}

}  // namespace
}  // namespace natledger
