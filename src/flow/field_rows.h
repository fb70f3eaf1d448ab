// SPDX-License-Identifier: GPL-2.0-or-later
// The field table: one row a key, each with the one way to read it from a Flow.
//
// A row's reader is called with a Flow and `put`; a key whose reader does not call `put` is absent
// from the record. The rows are a tuple rather than an array of function pointers, so that the
// encoder compiles to straight code with constant key fragments; docs/decisions.md has the figures.
// The first rows are ulogd2 2.0.8's, in its order; `@timestamp` begins ours.
#pragma once

#include <netinet/in.h>

#include <tuple>

#include "flow/coverage_rows.h"
#include "flow/field_row.h"
#include "flow/fields.h"
#include "flow/flow.h"
#include "flow/protocol.h"

namespace natledger {

// ulogd2's flow.start: of NEW its own clock at receipt, even when the kernel says better; of
// DESTROY and dumps the kernel's, or nothing.
constexpr TimePoint ulogd_start(const Flow& f) {
  return f.event == Event::kNew && !f.from_dump ? f.receipt : f.kernel_start;
}

constexpr std::string_view action_name(Event event) {
  switch (event) {
    case Event::kNew:
      return "flow-start";
    case Event::kDestroy:
      return "flow-end";
    case Event::kUpdate:
      break;
  }
  return "flow-update";
}

constexpr std::string_view clock_name(StartClock clock) {
  switch (clock) {
    case StartClock::kKernel:
      return "kernel";
    case StartClock::kEvent:
      return "event";
    default:
      return "receipt";
  }
}

// @timestamp: the start on NEW, the end on DESTROY; of an update the moment it happened.
constexpr TimePoint record_time(const Flow& f) {
  if (f.event == Event::kNew) return f.start.known() ? f.start : f.start_not_after;
  if (f.event == Event::kDestroy) return f.end.known() ? f.end : f.end_not_after;
  return f.event_time.known() ? f.event_time : f.receipt;
}

// clang-format off: a table reads better with a row a paragraph.
inline constexpr auto kUlogdRows = std::tuple{
    row::encoder({"timestamp", row::kKeyword, row::kOne, row::kUlogd, "",
                  "local time when the line was made, whole seconds; no offset where it is zero"}),
    row::encoder({"dvc", row::kKeyword, row::kOne, row::kUlogd, "", "ulogd2's option `device`"}),
    row::flow({"orig.ip.protocol", row::kShort, row::kOne, row::kUlogd, "network.iana_number",
               "protocol number of the original direction"},
              [](const Flow& f, const auto& put) { put(f.orig.protocol); }),
    row::flow({"orig.l4.sport", row::kInteger, row::kOne, row::kUlogd, "source.port",
               "source port before translation"},
              [](const Flow& f, const auto& put) {
                if (has_ports(f.orig.protocol)) put(f.orig.source_port);
              }),
    row::flow({"orig.l4.dport", row::kInteger, row::kOne, row::kUlogd, "destination.port",
               "destination port before translation"},
              [](const Flow& f, const auto& put) {
                if (has_ports(f.orig.protocol)) put(f.orig.target_port);
              }),
    row::flow(
        {"orig.raw.pktlen", row::kLong, row::kOne, row::kUlogd, "source.bytes",
         "bytes sent by the source, IP headers included; 0 also without accounting", row::kBytes},
        // jansson's integers are signed; so is a counter beyond 2^63.
        [](const Flow& f, const auto& put) { put(static_cast<int64_t>(f.orig.bytes)); }),
    row::flow({"orig.raw.pktcount", row::kLong, row::kOne, row::kUlogd, "source.packets",
               "packets sent by the source; 0 also without accounting", row::kCount},
              [](const Flow& f, const auto& put) { put(static_cast<int64_t>(f.orig.packets)); }),
    row::flow({"reply.ip.protocol", row::kShort, row::kOne, row::kUlogd, "",
               "protocol number of the reply direction"},
              [](const Flow& f, const auto& put) { put(f.reply.protocol); }),
    row::flow({"reply.l4.sport", row::kInteger, row::kOne, row::kUlogd, "",
               "source port of replies: the real server's"},
              [](const Flow& f, const auto& put) {
                if (has_ports(f.reply.protocol)) put(f.reply.source_port);
              }),
    row::flow({"reply.l4.dport", row::kInteger, row::kOne, row::kUlogd, "",
               "destination port of replies: the translated source port"},
              [](const Flow& f, const auto& put) {
                if (has_ports(f.reply.protocol)) put(f.reply.target_port);
              }),
    row::flow({"reply.raw.pktlen", row::kLong, row::kOne, row::kUlogd, "destination.bytes",
               "bytes sent by the destination; 0 also without accounting", row::kBytes},
              [](const Flow& f, const auto& put) { put(static_cast<int64_t>(f.reply.bytes)); }),
    row::flow({"reply.raw.pktcount", row::kLong, row::kOne, row::kUlogd, "destination.packets",
               "packets sent by the destination; 0 also without accounting", row::kCount},
              [](const Flow& f, const auto& put) { put(static_cast<int64_t>(f.reply.packets)); }),
    row::flow({"icmp.code", row::kShort, row::kOne, row::kUlogd, "",
               "ICMP code of the original direction"},
              [](const Flow& f, const auto& put) {
                if (f.orig.protocol == kIcmp) put(f.orig.icmp_code);
              }),
    row::flow({"icmp.type", row::kShort, row::kOne, row::kUlogd, "",
               "ICMP type of the original direction"},
              [](const Flow& f, const auto& put) {
                if (f.orig.protocol == kIcmp) put(f.orig.icmp_type);
              }),
    row::flow(
        {"ct.mark", row::kLong, row::kOne, row::kUlogd, "", "connection mark; 0 also without"},
        [](const Flow& f, const auto& put) { put(f.mark); }),
    row::flow({"ct.id", row::kLong, row::kOne, row::kUlogd, "",
               "the kernel's id of the entry; it repeats: join on flow.id"},
              [](const Flow& f, const auto& put) { put(f.id); }),
    row::flow({"ct.event", row::kShort, row::kOne, row::kUlogd, "",
               "1 new, 2 update or table entry, 4 destroy"},
              [](const Flow& f, const auto& put) { put(static_cast<uint8_t>(f.event)); }),
    row::flow({"flow.start.sec", row::kLong, row::kOne, row::kUlogd, "",
               "start, Unix seconds: of NEW when it was read, of DESTROY the kernel's"},
              [](const Flow& f, const auto& put) {
                if (ulogd_start(f).known()) put(static_cast<uint32_t>(ulogd_start(f).seconds()));
              }),
    row::flow({"flow.start.usec", row::kLong, row::kOne, row::kUlogd, "",
               "microseconds of flow.start.sec"},
              [](const Flow& f, const auto& put) {
                if (ulogd_start(f).known()) put(ulogd_start(f).microseconds());
              }),
    row::flow({"flow.end.sec", row::kLong, row::kOne, row::kUlogd, "",
               "end, Unix seconds: the kernel's, or when DESTROY was read"},
              [](const Flow& f, const auto& put) {
                if (f.end.known()) put(static_cast<uint32_t>(f.end.seconds()));
              }),
    row::flow(
        {"flow.end.usec", row::kLong, row::kOne, row::kUlogd, "", "microseconds of flow.end.sec"},
        [](const Flow& f, const auto& put) {
          if (f.end.known()) put(f.end.microseconds());
        }),
    row::flow({"oob.family", row::kShort, row::kOne, row::kUlogd, "", "2 IPv4, 10 IPv6"},
              [](const Flow& f, const auto& put) { put(f.family); }),
    row::flow({"oob.protocol", row::kShort, row::kOne, row::kUlogd, "", "always 0 for flows"},
              [](const Flow&, const auto& put) { put(uint8_t{0}); }),
    row::flow(
        {"src_ip", row::kIp, row::kOne, row::kUlogd, "source.ip", "source before translation"},
        [](const Flow& f, const auto& put) { put(f.orig.source); }),
    row::flow({"dest_ip", row::kIp, row::kOne, row::kUlogd, "destination.ip",
               "destination before translation"},
              [](const Flow& f, const auto& put) { put(f.orig.target); }),
    row::flow({"reply.ip.saddr.str", row::kIp, row::kOne, row::kUlogd, "",
               "source of replies: the real server"},
              [](const Flow& f, const auto& put) { put(f.reply.source); }),
    row::flow({"reply.ip.daddr.str", row::kIp, row::kOne, row::kUlogd, "",
               "destination of replies: the translated source address"},
              [](const Flow& f, const auto& put) { put(f.reply.target); }),
};

inline constexpr auto kOwnRows = std::tuple{
    row::flow({"@timestamp", row::kDate, row::kOne, row::kEcs, "",
               "the start on flow-start, the end on flow-end; UTC"},
              [](const Flow& f, const auto& put) { put(record_time(f)); }),
    row::flow({"event.kind", row::kKeyword, row::kOne, row::kEcs, "",
               "event: a flow; state: what the record covers"},
              [](const Flow&, const auto& put) { put(std::string_view{"event"}); }),
    row::flow(
        {"event.action", row::kKeyword, row::kOne, row::kEcs, "",
         "flow-start, -update, -end; segment-sealed, sequence-skipped; coverage-start, -config, "
         "-gap ..."},
        [](const Flow& f, const auto& put) { put(action_name(f.event)); }),
    row::flow({"event.sequence", row::kLong, row::kOne, row::kEcs, "",
               "the number of this line in its ledger, from 1"},
              [](const Flow& f, const auto& put) { put(f.sequence); }),
    row::flow({"event.id", row::kKeyword, row::kOne, row::kEcs, "",
               "<ledger>-<epoch>-<sequence>: never the same for two different lines"},
              [](const Flow& f, const auto& put) { put(RecordId{f.sequence}); }),
    row::flow({"flow.id", row::kKeyword, row::kOne, row::kNatledger, "",
               "event.id of the first record of this flow"},
              [](const Flow& f, const auto& put) {
                put(RecordId{f.first_sequence, f.first_epoch});
              }),
    row::flow({"flow.parent", row::kKeyword, row::kOne, row::kNatledger, "",
               "flow.id of the flow that a helper made this one from"},
              [](const Flow& f, const auto& put) {
                if (f.parent_sequence != 0) put(RecordId{f.parent_sequence, f.parent_epoch});
              }),
    row::flow({"event.start", row::kDate, row::kOne, row::kEcs, "",
               "when the flow began, by the best clock known"},
              [](const Flow& f, const auto& put) {
                if (f.start.known()) put(f.start);
              }),
    row::flow({"event.end", row::kDate, row::kOne, row::kEcs, "", "when the flow ended"},
              [](const Flow& f, const auto& put) {
                if (f.end.known()) put(f.end);
              }),
    row::flow({"flow.start.clock", row::kKeyword, row::kOne, row::kNatledger, "",
               "whose clock event.start is: kernel, event or receipt"},
              [](const Flow& f, const auto& put) {
                if (f.start_clock != StartClock::kNone) put(clock_name(f.start_clock));
              }),
    row::flow(
        {"event.reason", row::kKeyword, row::kOne, row::kEcs, "",
         "inferred: no event told this start or end; picked-up: it was under way at event.start"},
        [](const Flow& f, const auto& put) {
          if (f.reason == Reason::kInferred) put(std::string_view{"inferred"});
          if (f.reason == Reason::kPickedUp) put(std::string_view{"picked-up"});
        }),
    row::flow({"flow.start.not_after", row::kDate, row::kOne, row::kNatledger, "",
               "of an inferred start: the flow was there by then"},
              [](const Flow& f, const auto& put) {
                if (f.start_not_after.known()) put(f.start_not_after);
              }),
    row::flow({"flow.end.not_before", row::kDate, row::kOne, row::kNatledger, "",
               "of an inferred end: the flow was there until then"},
              [](const Flow& f, const auto& put) {
                if (f.end_not_before.known()) put(f.end_not_before);
              }),
    row::flow({"flow.end.not_after", row::kDate, row::kOne, row::kNatledger, "",
               "of an inferred end: the flow had gone by then"},
              [](const Flow& f, const auto& put) {
                if (f.end_not_after.known()) put(f.end_not_after);
              }),
    row::flow({"network.transport", row::kKeyword, row::kOne, row::kEcs, "",
               "tcp, udp, icmp, ipv6-icmp ..."},
              [](const Flow& f, const auto& put) {
                const std::string_view name = transport_name(f.orig.protocol);
                if (!name.empty()) put(name);
              }),
    row::flow({"network.type", row::kKeyword, row::kOne, row::kEcs, "", "ipv4 or ipv6"},
              [](const Flow& f, const auto& put) {
                put(f.family == AF_INET6 ? std::string_view{"ipv6"} : std::string_view{"ipv4"});
              }),
    row::flow({"conntrack.zone", row::kInteger, row::kOne, row::kNatledger, "",
               "conntrack zone, where not 0"},
              [](const Flow& f, const auto& put) {
                if (f.zone != 0) put(f.zone);
              }),
    row::flow({"conntrack.zone_direction", row::kKeyword, row::kOne, row::kNatledger, "",
               "orig or reply, where the zone is of one direction only"},
              [](const Flow& f, const auto& put) {
                if (f.zone_direction == ZoneDirection::kOrig) put(std::string_view{"orig"});
                if (f.zone_direction == ZoneDirection::kReply) put(std::string_view{"reply"});
              }),
    row::flow({"conntrack.status", row::kKeyword, row::kArray, row::kNatledger, "",
               "expected, seen_reply, assured, seq_adjust, helper, fixed_timeout"},
              [](const Flow& f, const auto& put) {
                const StatusNames names = status_names(f.status);
                if (names.size != 0) put(names.view());
              }),
    row::flow({"conntrack.tcp_state", row::kKeyword, row::kOne, row::kNatledger, "",
               "SYN_SENT, ESTABLISHED ...; of an end the last state"},
              [](const Flow& f, const auto& put) {
                const std::string_view name = tcp_state_name(f.tcp_state);
                if (!name.empty()) put(name);
              }),
    row::flow({"conntrack.sctp_state", row::kKeyword, row::kOne, row::kNatledger, "",
               "the same for SCTP"},
              [](const Flow& f, const auto& put) {
                const std::string_view name = sctp_state_name(f.sctp_state);
                if (!name.empty()) put(name);
              }),
    row::flow({"conntrack.labels", row::kKeyword, row::kArray, row::kNatledger, "",
               "connection labels, by name where connlabel.conf has one"},
              [](const Flow& f, const auto& put) {
                if (f.labels.any()) put(f.labels);
              }),
    row::flow({"conntrack.helper", row::kKeyword, row::kOne, row::kNatledger, "",
               "ftp, sip ...: the helper that watched the flow"},
              [](const Flow& f, const auto& put) {
                if (f.helper.bytes != 0) put(f.helper);
              }),
    row::flow({"conntrack.icmp.type", row::kShort, row::kOne, row::kNatledger, "",
               "ICMPv6 type of the original direction (of ICMP: icmp.type)"},
              [](const Flow& f, const auto& put) {
                if (f.orig.protocol == kIcmp6) put(f.orig.icmp_type);
              }),
    row::flow({"conntrack.icmp.code", row::kShort, row::kOne, row::kNatledger, "",
               "ICMPv6 code of the original direction (of ICMP: icmp.code)"},
              [](const Flow& f, const auto& put) {
                if (f.orig.protocol == kIcmp6) put(f.orig.icmp_code);
              }),
    row::flow({"conntrack.icmp.id", row::kInteger, row::kOne, row::kNatledger, "",
               "ICMP or ICMPv6 id before translation"},
              [](const Flow& f, const auto& put) {
                if (is_icmp(f.orig.protocol)) put(f.orig.icmp_id);
              }),
    row::flow({"conntrack.gre.key", row::kInteger, row::kArray, row::kNatledger, "",
               "GRE call keys of the original direction, source and destination, where not 0"},
              [](const Flow& f, const auto& put) {
                if (f.orig.protocol != kGre || (f.orig.source_port | f.orig.target_port) == 0)
                  return;
                Few<uint64_t> keys;
                keys.add(f.orig.source_port);
                keys.add(f.orig.target_port);
                put(keys);
              }),
    row::flow({"conntrack.offloaded", row::kBoolean, row::kOne, row::kNatledger, "",
               "true where a flowtable carried the flow; its counters may then be short"},
              [](const Flow& f, const auto& put) {
                if (is_offloaded(f.status)) put(true);
              }),
};

inline constexpr auto kOtherRows = std::tuple{
    row::enricher({"flow.duration.sec", row::kLong, row::kOne, row::kUlogd, "",
                   "end less start in whole seconds, as Logstash filters for ulogd2 compute it",
                   row::kSeconds}),
    row::enricher({"event.duration", row::kLong, row::kOne, row::kEcs, "",
                   "end less start in nanoseconds", row::kNanoseconds}),
    row::enricher({"source.nat.ip", row::kIp, row::kOne, row::kEcs, "",
                   "the source as the outside saw it, where translated"}),
    row::enricher({"source.nat.port", row::kInteger, row::kOne, row::kEcs, "", "its port"}),
    row::enricher({"destination.nat.ip", row::kIp, row::kOne, row::kEcs, "",
                   "the real destination, where translated"}),
    row::enricher({"destination.nat.port", row::kInteger, row::kOne, row::kEcs, "", "its port"}),
    row::enricher({"conntrack.nat.kind", row::kKeyword, row::kOne, row::kNatledger, "",
                   "none, snat, dnat, both"}),
    row::enricher({"conntrack.nat.port", row::kInteger, row::kArray, row::kNatledger, "",
                   "every translated port"}),
    row::enricher({"conntrack.public", row::kKeyword, row::kArray, row::kNatledger, "",
                   "address:port as the outside saw this flow; search by this"}),
    row::enricher({"conntrack.inside", row::kKeyword, row::kOne, row::kNatledger, "",
                   "address:port of the inside host"}),
    row::encoder({"observer.name", row::kKeyword, row::kOne, row::kEcs, "",
                  "the gateway that made this record"}),
    row::encoder({"tags", row::kKeyword, row::kArray, row::kEcs, "", "from the configuration"}),
};
// clang-format on

inline constexpr auto kFieldRows = std::tuple_cat(kUlogdRows, kOwnRows, kOtherRows, kCoverageRows);
inline constexpr size_t kFieldCount = std::tuple_size_v<std::remove_cvref_t<decltype(kFieldRows)>>;

}  // namespace natledger
