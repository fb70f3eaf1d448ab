// SPDX-License-Identifier: GPL-2.0-or-later
#include "ledger/start_plan.h"

#include <algorithm>

namespace natledger {

namespace {

StartPlan::Before judge_before(const LedgerFound& found, uint64_t last_line) {
  if (!found.state && !found.active && last_line == 0) return StartPlan::Before::kNothing;
  if (!found.state || found.slot_lost) return StartPlan::Before::kUnknown;
  const LedgerState& state = *found.state;
  const bool torn =
      found.active && (found.active->torn_bytes != 0 || !found.active->ends_in_newline);
  // Anything else than what the clean stop left has been restored or tampered with.
  if (state.clean && state.last == last_line && !torn) return StartPlan::Before::kCleanStop;
  // A written line outlives its process, but only in the file that it was written to.
  const bool same_file =
      found.active && found.active->device == state.device && found.active->inode == state.inode;
  // Killed amid a rotation: the file has its sealed name, and nothing was written behind it.
  const bool just_sealed = (!found.active || found.active->bytes == 0) && state.inode != 0 &&
                           found.sealed_device == state.device && found.sealed_inode == state.inode;
  const bool same_boot = state.boot_id == found.boot_id && found.boot_id != kUnknownBoot;
  // A copy may have been put back into the same file, or its end been cut off.
  const bool complete =
      last_line >= state.lines && std::max(last_line, state.last) + 1 >= found.written_end;
  if (!state.clean && same_boot && (same_file || just_sealed) && complete) {
    return StartPlan::Before::kKilled;
  }
  return StartPlan::Before::kUnknown;
}

// The first number that surely nobody has used, where lines may be lost.
uint64_t first_unused(const LedgerFound& found, uint64_t last_line) {
  const uint64_t reserved_to = found.state ? found.state->reserved_to : 0;
  const bool newest = found.state && !found.slot_lost && reserved_to >= last_line;
  return std::max(last_line, reserved_to) + 1 + (newest ? 0 : kReserveStep);
}

}  // namespace

StartPlan plan_start(const LedgerFound& found) {
  const uint64_t last_line =
      std::max(found.last_sealed, found.active ? found.active->last_sequence : 0);
  StartPlan plan;
  plan.before = judge_before(found, last_line);
  // Above what a start before this one gave up, and lines that can no longer be read.
  plan.next = std::max(last_line, found.state ? found.state->last : 0) + 1;
  if (plan.before == StartPlan::Before::kUnknown) {
    plan.next = std::max(plan.next, first_unused(found, last_line));
  }
  if (found.active) {
    if (plan.before == StartPlan::Before::kCleanStop) {
      plan.active = StartPlan::Active::kAppend;
    } else if (found.active->bytes == 0) {
      plan.active = StartPlan::Active::kRemove;
    } else {
      plan.active = StartPlan::Active::kSeal;
      plan.seal_as = found.active->first_sequence;
    }
  }
  if (plan.active == StartPlan::Active::kSeal && plan.seal_as == 0) {
    // Nothing but a torn line: its number names the file, and is given up so that the name stays
    // its own.
    plan.seal_as = std::max(last_line, found.last_sealed_name) + 1;
  }
  // A destination would pass over a number that it is done with.
  plan.next =
      std::max({plan.next, found.last_sealed_name + 1, plan.seal_as + 1, found.shipped_to + 1});
  if (plan.next > last_line + 1) {
    plan.skipped_from = last_line + 1;
    plan.skipped_to = plan.next - 1;
  }
  return plan;
}

}  // namespace natledger
