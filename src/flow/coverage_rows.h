// SPDX-License-Identifier: GPL-2.0-or-later
// The rows of the field table that coverage records fill, and flows do not.
#pragma once

#include <tuple>

#include "flow/field_row.h"

namespace natledger {

// clang-format off: a table reads better with a row a paragraph.
inline constexpr auto kCoverageRows = std::tuple{
    row::coverage(
        "coverage.from", row::kDate,
        "a gap: the record is whole up to here; clock-step: the clock was right, as far as "
        "is known"),
    row::coverage(
        "coverage.to", row::kDate,
        "a gap: it is whole again from here on; clock-step: the latest time that the clock "
        "showed"),
    row::coverage("coverage.reason", row::kKeyword,
                  "gap: agent-down, overrun, reader-too-slow, oversize, malformed, table-full, "
                  "sync-failed, events-off"),
    row::coverage("coverage.dropped", row::kLong,
                  "a gap: how many events it may be; absent when unknown", row::kCount),
    row::coverage("coverage.dropped_exact", row::kBoolean,
                  "false: coverage.dropped is an upper bound"),
    row::coverage("coverage.from_sequence", row::kLong,
                  "sequence-skipped: the first number that no line has"),
    row::coverage("coverage.to_sequence", row::kLong, "sequence-skipped: the last such number"),
    row::coverage("coverage.events", row::kKeyword,
                  "the events being recorded: new, update, destroy", row::kArray),
    row::coverage("coverage.sysctl.acct", row::kShort,
                  "net.netfilter.nf_conntrack_acct at that time"),
    row::coverage("coverage.sysctl.timestamp", row::kShort,
                  "net.netfilter.nf_conntrack_timestamp at that time"),
    row::coverage("coverage.sysctl.events", row::kShort,
                  "net.netfilter.nf_conntrack_events at that time"),
    row::coverage("coverage.kernel", row::kKeyword, "the kernel's release"),
    row::coverage("coverage.boot_id", row::kKeyword, "the kernel's boot id"),
    row::coverage("coverage.version", row::kKeyword, "the version of natledger"),
    row::coverage("coverage.clock.synchronised", row::kBoolean,
                  "whether the kernel's clock was being synchronised"),
    row::coverage("coverage.clock.error_ns", row::kLong,
                  "its estimated error in nanoseconds, as adjtimex(2) says it", row::kNanoseconds),
    row::coverage("coverage.clock.step_ns", row::kLong,
                  "clock-step: nanoseconds that the clock was set forward; negative: back",
                  row::kNanoseconds),
    row::coverage("coverage.live_flows", row::kLong, "heartbeat: flows that are open", row::kCount),
    row::coverage("coverage.open_from_sequence", row::kLong,
                  "each flow that is open then was first told of in this line or behind it"),
    row::coverage(
        "coverage.carried_over", row::kLong,
        "coverage-start: flows that the run before left open, which are known to this one",
        row::kCount),
    row::coverage("coverage.count.received", row::kLong, "messages received since the start",
                  row::kCount),
    row::coverage("coverage.count.flows", row::kLong, "of these, recorded as flows", row::kCount),
    row::coverage("coverage.count.ignored", row::kLong, "of these, no conntrack events",
                  row::kCount),
    row::coverage("coverage.count.malformed", row::kLong, "of these, not understood", row::kCount),
    row::coverage("coverage.count.duplicate", row::kLong, "of these, told before", row::kCount),
    row::coverage("coverage.count.filtered", row::kLong, "of these, not asked for by source.events",
                  row::kCount),
    row::coverage("coverage.count.dropped", row::kLong,
                  "events that the kernel dropped since the start", row::kCount),
    row::coverage("coverage.segment.name", row::kKeyword,
                  "segment-sealed: the file before this one"),
    row::coverage("coverage.segment.first", row::kLong,
                  "the number of its first line; 0: it has none"),
    row::coverage("coverage.segment.last", row::kLong, "the number of its last line"),
    row::coverage("coverage.segment.bytes", row::kLong, "its length", row::kBytes),
    row::coverage("coverage.segment.sha256", row::kKeyword, "SHA-256 of its bytes"),
    row::coverage("coverage.segment.previous", row::kKeyword,
                  "what its own first line says of the file before it"),
};
// clang-format on

}  // namespace natledger
