// SPDX-License-Identifier: GPL-2.0-or-later
#include "kibana/panels.h"

#include <algorithm>

#include "base/error.h"

namespace natledger {

namespace {

constexpr std::string_view kHowToAsk =
    "**Who, inside, was behind a public address?** Choose a time range that reaches back before "
    "the "
    "flow began, and on to when it had ended, and put into the query bar\n\n"
    "`(conntrack.public:\"1.2.3.4:53500\" and not event.start > \"2014-02-22T12:27:06Z\" and not "
    "event.end < \"2014-02-22T12:27:02Z\") or event.kind:state`\n\n"
    "with the address, and the time plus and less what clocks may be off; `[2001:db8::1]:443` for "
    "IPv6, the id in place of the port for ICMP. `natledger who --kibana` prints the link. Without "
    "the last part no hole would be shown. A hole that touches the time means that another host "
    "cannot be excluded; `natledger who` weighs that.";

constexpr std::string_view kHoles = "event.action:(coverage-gap or sequence-skipped or clock-step)";

std::vector<Panel> attribution_panels() {
  const std::vector<Metric> records{{"count", "", "Records"}};
  return {
      {"natledger-how-to-ask", "How to ask", "", Look::kText, kHowToAsk},
      {"natledger-ended-flows",
       "Flows that have ended",
       "One row a flow, with its start and end. Ask with conntrack.public:\"ADDRESS:PORT\" and "
       "event.start <= \"TIME\" and event.end >= \"TIME\".",
       Look::kRows,
       "event.action:flow-end",
       {"conntrack.inside", "conntrack.public", "network.transport", "event.start", "event.end",
        "src_ip", "orig.l4.sport", "dest_ip", "orig.l4.dport", "conntrack.nat.kind", "event.reason",
        "observer.name", "flow.id"}},
      {"natledger-begun-flows",
       "Flows that had begun",
       "Starts, the newest first: of flows still open, and of flows that ended since or before. "
       "Where no end is shown above, look for the flow.id alone.",
       Look::kRows,
       "event.kind:event and not event.action:flow-end",
       {"conntrack.inside", "conntrack.public", "network.transport", "event.start", "src_ip",
        "orig.l4.sport", "dest_ip", "orig.l4.dport", "conntrack.nat.kind", "event.reason",
        "observer.name", "flow.id"}},
      {"natledger-translated-ports",
       "Records with a translated port",
       "For conntrack.nat.port:PORT under a wide time range, where the address is not known.",
       Look::kRows,
       "conntrack.nat.port:*",
       {"conntrack.nat.port", "conntrack.public", "conntrack.inside", "network.transport",
        "event.action", "event.start", "event.end", "dest_ip", "orig.l4.dport", "observer.name",
        "flow.id"}},
      {"natledger-inside-per-port",
       "Inside hosts per translated port",
       "",
       Look::kTable,
       "conntrack.nat.port:*",
       {},
       records,
       {{"terms", "conntrack.nat.port", "Translated port", 20},
        {"terms", "conntrack.inside", "Inside", 5}}},
      {"natledger-remote-of-inside",
       "Where flows from inside went",
       "",
       Look::kTable,
       "conntrack.nat.kind:(none or snat or both)",
       {},
       records,
       {{"terms", "dest_ip", "Destination", 20}, {"terms", "orig.l4.dport", "Port", 3}}},
      {"natledger-remote-of-outside",
       "Where flows to inside came from",
       "",
       Look::kTable,
       "conntrack.nat.kind:dnat",
       {},
       records,
       {{"terms", "src_ip", "Source", 20}, {"terms", "conntrack.inside", "Inside", 3}}},
      {"natledger-holes",
       "Holes in the record",
       "Where events were lost, numbers of lines skipped, or the clock was set. Rows are placed "
       "where the hole ended. What was before the record began, or has been removed, is no row.",
       Look::kRows,
       kHoles,
       {"event.action", "coverage.reason", "coverage.from", "coverage.to", "coverage.dropped",
        "coverage.dropped_exact", "coverage.from_sequence", "coverage.to_sequence",
        "coverage.clock.step_ns", "observer.name"}},
  };
}

std::vector<Panel> coverage_panels() {
  const Bucket over_time{"date_histogram", "@timestamp", "Time"};
  const Bucket by_gateway{"terms", "observer.name", "Gateway", 20};
  return {
      {"natledger-newest",
       "Newest record of each gateway",
       "The oldest first. The agent writes one a minute, unless source.heartbeat says otherwise: a "
       "gateway whose newest is older has stopped, or what ships its records lags that much. One "
       "that has none in the time range is not here.",
       Look::kTable,
       "",
       {},
       {{"max", "@timestamp", "Newest record"}, {"max", "event.sequence", "Its highest number"}},
       {{"terms", "observer.name", "Gateway", 20, true}}},
      {"natledger-heartbeats",
       "Heartbeats",
       "One a minute from each agent that runs.",
       Look::kBars,
       "event.action:heartbeat",
       {},
       {{"count", "", "Heartbeats"}},
       {over_time, by_gateway}},
      {"natledger-gaps",
       "Gaps by reason",
       "Events are counted where their number is known: 0 may be any number.",
       Look::kTable,
       "event.action:coverage-gap",
       {},
       {{"count", "", "Gaps"}, {"sum", "coverage.dropped", "Events, as far as known"}},
       {by_gateway, {"terms", "coverage.reason", "Reason", 10}}},
      {"natledger-dropped",
       "Events that the kernel dropped",
       "Of each gap when it was closed; where the number is not known it is missing here.",
       Look::kBars,
       "event.action:coverage-gap and coverage.reason:(overrun or reader-too-slow) and "
       "coverage.dropped:*",
       {},
       {{"sum", "coverage.dropped", "Events dropped"}},
       {over_time, by_gateway}},
      {"natledger-skipped",
       "Numbers that no record has",
       "After a power cut: lines with these numbers may have been written, and were lost.",
       Look::kRows,
       "event.action:sequence-skipped",
       {"coverage.from_sequence", "coverage.to_sequence", "observer.name"}},
  };
}

std::vector<Panel> agent_panels() {
  const Bucket over_time{"date_histogram", "@timestamp", "Time"};
  const Bucket by_gateway{"terms", "observer.name", "Gateway", 20};
  return {
      {"natledger-clock-error",
       "Estimated error of the clock",
       "As each kernel says it.",
       Look::kLines,
       "event.action:heartbeat",
       {},
       {{"max", "coverage.clock.error_ns", "Error"}},
       {over_time, by_gateway}},
      {"natledger-clock-state",
       "Clock synchronised",
       "",
       Look::kTable,
       "event.action:heartbeat and coverage.clock.synchronised:*",
       {},
       {{"count", "", "Heartbeats"}},
       {by_gateway, {"terms", "coverage.clock.synchronised", "Synchronised", 2}}},
      {"natledger-open-flows",
       "Open flows",
       "The most that a heartbeat counted.",
       Look::kLines,
       "event.action:heartbeat",
       {},
       {{"max", "coverage.live_flows", "Open flows"}},
       {over_time, by_gateway}},
      {"natledger-recorded",
       "What was being recorded",
       "Starts, stops and changes of the agents.",
       Look::kRows,
       "event.action:(coverage-start or coverage-config or coverage-resume or coverage-stop)",
       {"event.action", "coverage.events", "coverage.sysctl.events", "coverage.sysctl.timestamp",
        "coverage.sysctl.acct", "coverage.kernel", "coverage.version", "coverage.boot_id",
        "observer.name"}},
  };
}

std::vector<Panel> traffic_panels() {
  const Bucket over_time{"date_histogram", "@timestamp", "Ended"};
  const std::vector<Metric> flows{{"count", "", "Flows"}};
  const std::vector<Metric> flows_and_bytes{{"count", "", "Flows"},
                                            {"sum", "orig.raw.pktlen", "Bytes from source"},
                                            {"sum", "reply.raw.pktlen", "Bytes from destination"}};
  return {
      {"natledger-flows",
       "Flows that ended",
       "",
       Look::kBars,
       "event.action:flow-end",
       {},
       flows,
       {over_time, {"terms", "conntrack.nat.kind", "Translation", 4}}},
      {"natledger-bytes",
       "Bytes of flows that ended",
       "All bytes of a flow count where it ended. They are 0 without nf_conntrack_acct.",
       Look::kLines,
       "event.action:flow-end",
       {},
       {{"sum", "orig.raw.pktlen", "From source"}, {"sum", "reply.raw.pktlen", "From destination"}},
       {over_time}},
      {"natledger-inside-hosts",
       "Inside hosts by flows",
       "Of the flows that they began.",
       Look::kTable,
       "event.action:flow-end and conntrack.nat.kind:(none or snat or both)",
       {},
       flows_and_bytes,
       {{"terms", "src_ip", "Inside host", 20}}},
      {"natledger-inside-bytes",
       "Inside hosts by bytes",
       "Those that received most, in the flows that they began. 0 without nf_conntrack_acct.",
       Look::kTable,
       "event.action:flow-end and conntrack.nat.kind:(none or snat or both)",
       {},
       {{"sum", "reply.raw.pktlen", "Bytes from destination"},
        {"sum", "orig.raw.pktlen", "Bytes from source"}},
       {{"terms", "src_ip", "Inside host", 20}}},
      {"natledger-inside-servers",
       "Port forwards",
       "Of the flows that came to them.",
       Look::kTable,
       "event.action:flow-end and conntrack.nat.kind:dnat",
       {},
       flows_and_bytes,
       {{"terms", "conntrack.inside", "Inside server", 20}}},
  };
}

std::vector<Panel> distribution_panels() {
  const std::vector<Metric> flows{{"count", "", "Flows"}};
  return {
      {"natledger-ports-used",
       "Different translated ports of flows that ended",
       "An estimate.",
       Look::kLines,
       "event.action:flow-end",
       {},
       {{"cardinality", "conntrack.nat.port", "Ports"}},
       {{"date_histogram", "@timestamp", "Ended"}}},
      {"natledger-top-ports",
       "Translated ports",
       "",
       Look::kTable,
       "event.action:flow-end and conntrack.nat.port:*",
       {},
       flows,
       {{"terms", "conntrack.nat.port", "Translated port", 20}}},
      {"natledger-durations",
       "How long flows lasted",
       "In seconds.",
       Look::kBars,
       "event.action:flow-end and flow.duration.sec:*",
       {},
       flows,
       {{"range", "flow.duration.sec", "Duration"}}},
      {"natledger-protocols",
       "Protocols",
       "Those that have a name.",
       Look::kPie,
       "event.action:flow-end",
       {},
       flows,
       {{"terms", "network.transport", "Protocol", 10}}},
  };
}

}  // namespace

const std::vector<Panel>& panels() {
  static const std::vector<Panel> all = [] {
    std::vector<Panel> joined;
    for (const auto& part : {attribution_panels(), coverage_panels(), agent_panels(),
                             traffic_panels(), distribution_panels()}) {
      joined.insert(joined.end(), part.begin(), part.end());
    }
    return joined;
  }();
  return all;
}

const Panel& panel(std::string_view id) {
  const auto found = std::ranges::find(panels(), id, &Panel::id);
  check(found != panels().end(), "a dashboard names a panel that is not there");
  return *found;
}

const std::vector<Dashboard>& dashboards() {
  static const std::vector<Dashboard> all{
      {kAttributionId,
       "natledger: Attribution",
       "Who, inside, was behind a public address at a time.",
       {{"natledger-how-to-ask", 48, 8},
        {"natledger-ended-flows", 48, 14},
        {"natledger-begun-flows", 48, 14},
        {"natledger-holes", 48, 10},
        {"natledger-inside-per-port", 16, 16},
        {"natledger-remote-of-inside", 16, 16},
        {"natledger-remote-of-outside", 16, 16}}},
      {"natledger-coverage",
       "natledger: Coverage",
       "What the record covers, and where it has holes.",
       {{"natledger-newest", 24, 12},
        {"natledger-heartbeats", 24, 12},
        {"natledger-gaps", 24, 12},
        {"natledger-dropped", 24, 12},
        {"natledger-holes", 48, 12},
        {"natledger-clock-error", 24, 12},
        {"natledger-clock-state", 12, 12},
        {"natledger-skipped", 12, 12},
        {"natledger-open-flows", 48, 10},
        {"natledger-recorded", 48, 12}}},
      {"natledger-traffic",
       "natledger: Traffic",
       "What went through the gateways.",
       {{"natledger-flows", 24, 12},
        {"natledger-bytes", 24, 12},
        {"natledger-inside-hosts", 16, 16},
        {"natledger-inside-bytes", 16, 16},
        {"natledger-inside-servers", 16, 16},
        {"natledger-ports-used", 24, 12},
        {"natledger-top-ports", 12, 12},
        {"natledger-protocols", 12, 12},
        {"natledger-durations", 48, 12}}},
  };
  return all;
}

}  // namespace natledger
