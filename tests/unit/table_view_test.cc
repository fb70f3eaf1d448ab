// SPDX-License-Identifier: GPL-2.0-or-later
// The kernel's table as flows: numbered, completed, and what is not understood counted.
#include "agent/table_view.h"

#include <gtest/gtest.h>

#include "unit/conntrack_message.h"
#include "unit/test_support.h"

namespace natledger {
namespace {

Blob entry(const Blob& top = {}) {
  return netlink_message({NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_NEW, NLM_F_MULTI, AF_INET},
                         joined({orig(), reply(), top}));
}

TEST(TableView, VisitsEachEntryOnceAndCountsTheRest) {
  const TimePoint start{1795331340431574999};
  const Blob table[] = {
      entry(nested(CTA_TIMESTAMP, {attribute(CTA_TIMESTAMP_START,
                                             big_endian(static_cast<uint64_t>(start.ns), 8))})),
      Blob(7),
      entry(attribute(CTA_MARK, big_endian(7, 4))),
      entry(attribute(CTA_MARK, Blob(3))),
  };
  const TableDump dump = [&](const MessageVisit& visit) {
    for (const Blob& message : table) visit(message);
  };
  MemorySink sink;
  std::vector<Flow> flows;
  const TimePoint before = now();
  const uint64_t not_understood = visit_table(dump, sink, [&](Flow& flow) {
    flows.push_back(flow);
    sink.append("line\n");
  });
  EXPECT_EQ(not_understood, 2U);
  ASSERT_EQ(flows.size(), 2U);
  EXPECT_EQ(flows[0].sequence, 1U);
  EXPECT_EQ(flows[1].sequence, 2U);
  EXPECT_TRUE(flows[0].from_dump);
  EXPECT_EQ(flows[0].start, start);
  EXPECT_EQ(flows[0].start_clock, StartClock::kKernel);
  EXPECT_GE(flows[0].receipt, before);
  EXPECT_EQ(flows[1].mark, 7U);
  EXPECT_EQ(flows[1].start_clock, StartClock::kNone) << "without a timestamp it is not known";
  EXPECT_FALSE(flows[1].start.known());
  EXPECT_FALSE(flows[1].end.known());
}

TEST(TableView, AnEmptyTableHasNoFlows) {
  MemorySink sink;
  EXPECT_EQ(visit_table([](const MessageVisit&) {}, sink, [](Flow&) { FAIL(); }), 0U);
}

}  // namespace
}  // namespace natledger
