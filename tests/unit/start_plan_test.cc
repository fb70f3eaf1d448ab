// SPDX-License-Identifier: GPL-2.0-or-later
#include "ledger/start_plan.h"

#include <gtest/gtest.h>

namespace natledger {
namespace {

using Before = StartPlan::Before;
using Active = StartPlan::Active;

// A state of the agent that wrote the file with inode 7 during boot "A".
LedgerState state_of(uint64_t reserved_to) {
  LedgerState state;
  state.ledger_id = "9f3ac2d4e5b1";
  state.reserved_to = reserved_to;
  state.boot_id = "A";
  state.device = 1;
  state.inode = 7;
  return state;
}

LedgerState clean_state(uint64_t last, uint64_t reserved_to) {
  LedgerState state = state_of(reserved_to);
  state.clean = true;
  state.last = last;
  return state;
}

// Of an agent that went on behind this number.
LedgerState running_state(uint64_t last, uint64_t reserved_to) {
  LedgerState state = state_of(reserved_to);
  state.last = last;
  return state;
}

LedgerState saw_lines(uint64_t lines, uint64_t reserved_to) {
  LedgerState state = running_state(lines, reserved_to);
  state.lines = lines;
  return state;
}

SegmentTail lines(uint64_t first, uint64_t last, uint64_t torn_bytes = 0) {
  SegmentTail tail;
  tail.first_sequence = first;
  tail.last_sequence = last;
  tail.bytes = last * 100 + torn_bytes;
  tail.torn_bytes = torn_bytes;
  tail.ends_in_newline = torn_bytes == 0;
  tail.device = 1;
  tail.inode = 7;
  return tail;
}

SegmentTail torn_only(uint64_t bytes) {
  SegmentTail tail = lines(0, 0, bytes);
  tail.bytes = bytes;
  return tail;
}

struct PlanCase {
  const char* name;
  LedgerFound found;
  StartPlan plan;
};

class StartPlanTable : public testing::TestWithParam<PlanCase> {};

TEST_P(StartPlanTable, Decides) {
  const StartPlan plan = plan_start(GetParam().found);
  const StartPlan& expected = GetParam().plan;
  EXPECT_EQ(plan.before, expected.before);
  EXPECT_EQ(plan.active, expected.active);
  EXPECT_EQ(plan.seal_as, expected.seal_as);
  EXPECT_EQ(plan.next, expected.next);
  EXPECT_EQ(plan.skipped_from, expected.skipped_from);
  EXPECT_EQ(plan.skipped_to, expected.skipped_to);
}

// The newest sealed segment is the file with this inode.
LedgerFound sealed_is(ino_t inode, LedgerFound found) {
  found.sealed_device = 1;
  found.sealed_inode = inode;
  return found;
}

LedgerFound slot_lost(LedgerFound found) {
  found.slot_lost = true;
  return found;
}

SegmentTail other_inode(SegmentTail tail) {
  tail.inode = 8;
  return tail;
}

INSTANTIATE_TEST_SUITE_P(
    Starts, StartPlanTable,
    testing::Values(
        PlanCase{"first", {"A", {}, {}, 0, 0}, {Before::kNothing, Active::kMake, 0, 1, 0, 0}},
        PlanCase{"clean stop",
                 {"A", clean_state(50, 1000), lines(1, 50), 0, 0},
                 {Before::kCleanStop, Active::kAppend, 0, 51, 0, 0}},
        PlanCase{"clean stop, other boot",
                 {"B", clean_state(50, 1000), lines(1, 50), 0, 0},
                 {Before::kCleanStop, Active::kAppend, 0, 51, 0, 0}},
        PlanCase{"clean stop, lines in sealed segments too",
                 {"A", clean_state(50, 1000), lines(31, 50), 30, 31},
                 {Before::kCleanStop, Active::kAppend, 0, 51, 0, 0}},
        PlanCase{"killed",
                 {"A", state_of(1000), lines(1, 50), 0, 0},
                 {Before::kKilled, Active::kSeal, 1, 51, 0, 0}},
        PlanCase{"killed within a line",
                 {"A", state_of(1000), lines(1, 50, 30), 0, 0},
                 {Before::kKilled, Active::kSeal, 1, 51, 0, 0}},
        PlanCase{"killed within the first line of a segment",
                 {"A", state_of(1000), torn_only(30), 50, 1},
                 {Before::kKilled, Active::kSeal, 51, 52, 51, 51}},
        PlanCase{"killed so again",
                 {"A", state_of(1000), torn_only(30), 50, 51},
                 {Before::kKilled, Active::kSeal, 52, 53, 51, 52}},
        PlanCase{"killed before a line was written",
                 {"A", state_of(1000), torn_only(0), 50, 1},
                 {Before::kKilled, Active::kRemove, 0, 51, 0, 0}},
        PlanCase{"killed before a line was written, behind numbers given up",
                 {"A", running_state(60, 1000), torn_only(0), 50, 1},
                 {Before::kKilled, Active::kRemove, 0, 61, 51, 60}},
        PlanCase{"killed, and lines that the start before saw are gone",
                 {"A", saw_lines(60, 1000), torn_only(0), 40, 1},
                 {Before::kUnknown, Active::kRemove, 0, 1001, 41, 1000}},
        PlanCase{"power cut",
                 {"B", state_of(1000), lines(1, 50), 0, 0},
                 {Before::kUnknown, Active::kSeal, 1, 1001, 51, 1000}},
        PlanCase{"power cut within the first line",
                 {"B", state_of(1000), torn_only(30), 0, 0},
                 {Before::kUnknown, Active::kSeal, 1, 1001, 1, 1000}},
        PlanCase{"power cut, active segment lost",
                 {"B", state_of(1000), {}, 50, 1},
                 {Before::kUnknown, Active::kMake, 0, 1001, 51, 1000}},
        PlanCase{"killed between sealing and opening",
                 sealed_is(7, {"A", state_of(1000), {}, 50, 1}),
                 {Before::kKilled, Active::kMake, 0, 51, 0, 0}},
        PlanCase{"killed between opening and saying so",
                 sealed_is(7, {"A", state_of(1000), other_inode(torn_only(0)), 50, 1}),
                 {Before::kKilled, Active::kRemove, 0, 51, 0, 0}},
        PlanCase{"killed there, and lines that the start before saw are gone",
                 sealed_is(7, {"A", saw_lines(60, 1000), {}, 50, 1}),
                 {Before::kUnknown, Active::kMake, 0, 1001, 51, 1000}},
        PlanCase{"power cut between sealing and opening",
                 sealed_is(7, {"B", state_of(1000), {}, 50, 1}),
                 {Before::kUnknown, Active::kMake, 0, 1001, 51, 1000}},
        PlanCase{"active segment lost behind a sealed one",
                 sealed_is(6, {"A", state_of(1000), {}, 50, 1}),
                 {Before::kUnknown, Active::kMake, 0, 1001, 51, 1000}},
        PlanCase{"written behind a sealed one by somebody else",
                 sealed_is(7, {"A", state_of(1000), other_inode(lines(51, 60)), 50, 1}),
                 {Before::kUnknown, Active::kSeal, 51, 1001, 61, 1000}},
        PlanCase{"ledger restored, same boot",
                 {"A", state_of(1000), other_inode(lines(1, 20)), 0, 0},
                 {Before::kUnknown, Active::kSeal, 1, 1001, 21, 1000}},
        PlanCase{"ledger restored after a clean stop",
                 {"A", clean_state(50, 1000), lines(1, 20), 0, 0},
                 {Before::kUnknown, Active::kSeal, 1, 1001, 21, 1000}},
        PlanCase{"state restored: it knows of less than there is",
                 {"A", clean_state(20, 40), lines(1, 50), 0, 0},
                 {Before::kUnknown, Active::kSeal, 1, 51 + kReserveStep, 51, 50 + kReserveStep}},
        PlanCase{"state lost",
                 {"A", {}, lines(1, 50), 0, 0},
                 {Before::kUnknown, Active::kSeal, 1, 51 + kReserveStep, 51, 50 + kReserveStep}},
        PlanCase{
            "a slot of the state lost, which may have been the newer",
            slot_lost({"A", clean_state(50, 1000), lines(1, 50), 0, 0}),
            {Before::kUnknown, Active::kSeal, 1, 1001 + kReserveStep, 51, 1000 + kReserveStep}},
        PlanCase{"ledger lost",
                 {"A", state_of(1000), {}, 0, 0},
                 {Before::kUnknown, Active::kMake, 0, 1001, 1, 1000}},
        PlanCase{"torn although stopped in good order: tampered with",
                 {"A", clean_state(50, 1000), lines(1, 50, 10), 0, 0},
                 {Before::kUnknown, Active::kSeal, 1, 1001, 51, 1000}}),
    [](const auto& row) {
      std::string name = row.param.name;
      for (char& c : name) {
        if (c == ' ' || c == ',' || c == ':') c = '_';
      }
      return name;
    });

}  // namespace
}  // namespace natledger
