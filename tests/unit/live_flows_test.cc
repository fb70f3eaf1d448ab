// SPDX-License-Identifier: GPL-2.0-or-later
// What is remembered of open flows, and what an end is told by it.
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>

#include <map>
#include <random>

#include "unit/live_flows_fixture.h"

namespace natledger {
namespace {

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

// Without the kernel's times nothing else tells the two apart, for ct.id repeats; and it is the
// translation that a question is about.
TEST_F(LiveFlowsTest, OnItsTupleAndWithItsIdAFlowTranslatedOtherwiseIsAnother) {
  const KeyCase cases[] = {
      {"source", [](Flow& f) { f.reply.source = v4(9); }},
      {"target", [](Flow& f) { f.reply.target = v4(9); }},
      {"source port", [](Flow& f) { f.reply.source_port = 80; }},
      {"target port", [](Flow& f) { f.reply.target_port = 53501; }},
  };
  for (const KeyCase& c : cases) {
    for (const Event kind : {Event::kUpdate, Event::kDestroy}) {
      LiveFlows live{1000};
      Flow begin = event(Event::kNew);
      begin.reply.target_port = 53500;
      begin = track(live, begin);
      Flow other = event(kind);
      other.reply = begin.reply;
      c.change(other);
      EXPECT_NE(track(live, other).first_sequence, begin.sequence) << c.what;
    }
  }
}

// What NAT makes of a ping's id a record may not say, and an earlier run's flow is made from one.
TEST_F(LiveFlowsTest, APingIsNotToldByTheIdThatItsAnswerHas) {
  Flow ping = event(Event::kNew);
  ping.orig.protocol = ping.reply.protocol = kIcmp;
  ping.reply.icmp_id = 1;
  track(ping);
  ping.event = Event::kDestroy;
  ping.reply.icmp_id = 2;
  ping.mark = 5;
  EXPECT_EQ(track(ping).first_sequence, 1U);
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

TEST_F(LiveFlowsTest, AConnectionThatWasUnderWayIsPickedUpAndSoIsItsEnd) {
  const auto reason_of = [this](uint8_t tcp_state, uint32_t status, uint16_t port) {
    Flow begun = event(Event::kNew, port);
    begun.tcp_state = tcp_state;
    begun.status = status;
    const Reason reason = track(begun).reason;
    EXPECT_EQ(track(event(Event::kDestroy, port)).reason, reason);
    return reason;
  };
  EXPECT_EQ(reason_of(TCP_CONNTRACK_SYN_SENT, 0, 1), Reason::kNone);
  EXPECT_EQ(reason_of(TCP_CONNTRACK_SYN_SENT2, 0, 2), Reason::kNone);
  EXPECT_EQ(reason_of(TCP_CONNTRACK_NONE, 0, 3), Reason::kNone);
  EXPECT_EQ(reason_of(TCP_CONNTRACK_ESTABLISHED, 0, 4), Reason::kPickedUp);
  EXPECT_EQ(reason_of(TCP_CONNTRACK_CLOSE_WAIT, 0, 5), Reason::kPickedUp);
  EXPECT_EQ(reason_of(TCP_CONNTRACK_NONE, IPS_SEEN_REPLY, 6), Reason::kPickedUp);
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

}  // namespace
}  // namespace natledger
