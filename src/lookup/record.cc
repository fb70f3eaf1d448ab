// SPDX-License-Identifier: GPL-2.0-or-later
// The public sides are made from ulogd2's keys and the ids beside them, not from conntrack.public,
// which an agent may be configured not to write.
#include "lookup/record.h"

#include <cstring>

#include <rapidjson/document.h>

#include "base/protocol.h"

namespace natledger {

namespace {

using Json = rapidjson::Value;

const Json* member(const Json& object, const char* key) {
  const auto found = object.FindMember(key);
  return found == object.MemberEnd() ? nullptr : &found->value;
}

std::string text_of(const Json& object, const char* key) {
  const Json* value = member(object, key);
  if (value == nullptr || !value->IsString()) return {};
  return {value->GetString(), value->GetStringLength()};
}

std::vector<std::string> texts_in(const Json& object, const char* key) {
  const Json* values = member(object, key);
  std::vector<std::string> texts;
  if (values == nullptr || !values->IsArray()) return texts;
  for (const Json& text : values->GetArray()) {
    if (text.IsString()) texts.emplace_back(text.GetString(), text.GetStringLength());
  }
  return texts;
}

TimePoint time_in(const Json& object, const char* key) {
  return parse_rfc3339(text_of(object, key)).value_or(TimePoint{});
}

std::optional<uint64_t> number_in(const Json& object, const char* key) {
  const Json* value = member(object, key);
  if (value == nullptr || !value->IsUint64()) return {};
  return value->GetUint64();
}

// A port, an id or a key; nothing when it is none.
std::optional<uint16_t> port_of(const Json& value) {
  if (!value.IsUint() || value.GetUint() > UINT16_MAX) return {};
  return static_cast<uint16_t>(value.GetUint());
}

std::optional<uint16_t> port_in(const Json& object, const char* key) {
  const Json* value = member(object, key);
  return value == nullptr ? std::nullopt : port_of(*value);
}

Endpoint endpoint_in(const Json& object, const char* address_key, const char* port_key) {
  return {parse_address(text_of(object, address_key)).value_or(IpAddress{}),
          port_in(object, port_key)};
}

FlowEnds ends_of(const Json& object) {
  return {endpoint_in(object, "src_ip", "orig.l4.sport"),
          endpoint_in(object, "dest_ip", "orig.l4.dport"),
          endpoint_in(object, "reply.ip.saddr.str", "reply.l4.sport"),
          endpoint_in(object, "reply.ip.daddr.str", "reply.l4.dport")};
}

// A protocol's number, or -1.
int protocol_in(const Json& object, const char* key) {
  const auto number = number_in(object, key);
  return number && *number <= UINT8_MAX ? static_cast<int>(*number) : -1;
}

// The port that conntrack.public gives an address.
std::optional<uint16_t> public_port(const Json& object, const IpAddress& address) {
  const Json* ends = member(object, "conntrack.public");
  if (ends == nullptr || !ends->IsArray()) return {};
  for (const Json& text : ends->GetArray()) {
    if (!text.IsString()) continue;
    const auto end = parse_endpoint({text.GetString(), text.GetStringLength()});
    if (end && end->address == address && end->port) return end->port;
  }
  return {};
}

// ICMP ids and GRE keys before translation have keys of their own; after it they stand in
// conntrack.public alone. False when that is not there.
bool add_ids(const Json& object, FlowEnds& ends) {
  const Json* keys = member(object, "conntrack.gre.key");
  if (const auto id = port_in(object, "conntrack.icmp.id")) {
    ends.orig_source.port = ends.orig_target.port = id;
  } else if (keys != nullptr && keys->IsArray() && keys->Size() == 2) {
    ends.orig_source.port = port_of((*keys)[0]);
    ends.orig_target.port = port_of((*keys)[1]);
  } else {
    return true;
  }
  ends.reply_source.port = ends.orig_target.port;
  ends.reply_target.port = ends.orig_source.port;
  if (ends.reply_target.address == ends.orig_source.address) return true;
  const auto translated = public_port(object, ends.reply_target.address);
  if (translated) ends.reply_target.port = translated;
  return translated.has_value();
}

std::vector<PublicSide> sides_of(const Json& object, FlowEnds ends) {
  const bool id_known = ends.orig_source.port || add_ids(object, ends);
  return public_sides(ends, id_known);
}

bool is_time(const Json& object, const char* key) {
  return parse_rfc3339(text_of(object, key)).has_value();
}

// Whether the times that every record of its kind has are there and can be read.
bool has_times(const Json& object, bool is_end) {
  const bool start_read =
      member(object, "event.start") == nullptr || is_time(object, "event.start");
  const bool end_read = is_time(object, "event.end") || (is_time(object, "flow.end.not_before") &&
                                                         is_time(object, "flow.end.not_after"));
  return is_time(object, "@timestamp") && start_read && (!is_end || end_read);
}

// One direction's ends: two addresses, and ports where the protocol has them.
bool is_whole(const Endpoint& source, const Endpoint& target, int protocol) {
  if (protocol < 0 || source.address.family == IpAddress::Family::kNone ||
      target.address.family == IpAddress::Family::kNone) {
    return false;
  }
  return !has_ports(static_cast<uint8_t>(protocol)) || (source.port && target.port);
}

bool is_whole(const CoverageLine& line) {
  if (!line.at.known()) return false;
  if (line.action == "coverage-gap") return line.from.known() && line.to.known();
  if (line.action == "clock-step") {
    return line.from.known() && line.to.known() && line.clock_step != Duration::zero();
  }
  if (line.action == "sequence-skipped") return line.from_sequence != 0 && line.to_sequence != 0;
  return !line.action.empty();
}

// Nothing when it lacks what every flow record has.
std::optional<FlowRecord> flow_of(const Json& object) {
  const std::string action = text_of(object, "event.action");
  if (action != "flow-start" && action != "flow-update" && action != "flow-end") return {};
  FlowRecord flow;
  flow.flow_id = text_of(object, "flow.id");
  flow.event_id = text_of(object, "event.id");
  flow.is_end = action == "flow-end";
  flow.protocol = protocol_in(object, "orig.ip.protocol");
  flow.at = time_in(object, "@timestamp");
  flow.start = time_in(object, "event.start");
  flow.end = time_in(object, "event.end");
  flow.start_not_after = time_in(object, "flow.start.not_after");
  flow.end_not_before = time_in(object, "flow.end.not_before");
  flow.end_not_after = time_in(object, "flow.end.not_after");
  flow.picked_up = text_of(object, "event.reason") == "picked-up";
  flow.start_clock = text_of(object, "flow.start.clock");
  flow.zone = static_cast<int>(number_in(object, "conntrack.zone").value_or(0));
  flow.nat_kind = text_of(object, "conntrack.nat.kind");
  const FlowEnds ends = ends_of(object);
  const int reply_protocol = protocol_in(object, "reply.ip.protocol");
  if (!has_times(object, flow.is_end) ||
      !is_whole(ends.orig_source, ends.orig_target, flow.protocol) ||
      !is_whole(ends.reply_source, ends.reply_target, reply_protocol)) {
    return {};
  }
  flow.sides = sides_of(object, ends);
  return flow;
}

CoverageLine coverage_of(const Json& object) {
  CoverageLine line;
  line.action = text_of(object, "event.action");
  line.at = time_in(object, "@timestamp");
  line.from = time_in(object, "coverage.from");
  line.to = time_in(object, "coverage.to");
  line.reason = text_of(object, "coverage.reason");
  if (const Json* step = member(object, "coverage.clock.step_ns"); step && step->IsInt64()) {
    line.clock_step = Duration{step->GetInt64()};
  }
  line.from_sequence = number_in(object, "coverage.from_sequence").value_or(0);
  line.to_sequence = number_in(object, "coverage.to_sequence").value_or(0);
  line.carried_over = member(object, "coverage.carried_over") != nullptr;
  line.open_from_sequence = number_in(object, "coverage.open_from_sequence").value_or(0);
  line.events = texts_in(object, "coverage.events");
  return line;
}

FlowDetails details_of(const Json& object, FlowRecord record) {
  FlowDetails details;
  details.ends = ends_of(object);
  if (!details.ends.orig_source.port) add_ids(object, details.ends);
  details.id = static_cast<uint32_t>(number_in(object, "ct.id").value_or(0));
  details.mark = static_cast<uint32_t>(number_in(object, "ct.mark").value_or(0));
  const bool v4 = record.protocol == kIcmp;
  details.icmp_type =
      static_cast<uint8_t>(number_in(object, v4 ? "icmp.type" : "conntrack.icmp.type").value_or(0));
  details.icmp_code =
      static_cast<uint8_t>(number_in(object, v4 ? "icmp.code" : "conntrack.icmp.code").value_or(0));
  details.zone_direction = text_of(object, "conntrack.zone_direction");
  details.helper = text_of(object, "conntrack.helper");
  details.labels = texts_in(object, "conntrack.labels");
  details.parent_id = text_of(object, "flow.parent");
  details.record = std::move(record);
  return details;
}

bool contains(std::string_view line, std::string_view text) {
  return ::memmem(line.data(), line.size(), text.data(), text.size()) != nullptr;
}

}  // namespace

std::vector<PublicSide> public_sides(const FlowEnds& ends, bool id_known) {
  const bool snat = ends.reply_target != ends.orig_source;
  const bool dnat = ends.reply_source != ends.orig_target;
  std::vector<PublicSide> sides;
  if (snat) sides.push_back({ends.reply_target, ends.orig_source, ends.reply_source, !id_known});
  if (dnat) sides.push_back({ends.orig_target, ends.reply_source, ends.orig_source});
  if (!snat && !dnat) sides.push_back({ends.orig_source, ends.orig_source, ends.orig_target});
  return sides;
}

std::optional<LedgerRecord> parse_record(std::string_view line) {
  rapidjson::Document document;
  // Iteratively: a line nested a million deep must not end our stack.
  document.Parse<rapidjson::kParseIterativeFlag>(line.data(), line.size());
  if (document.HasParseError() || !document.IsObject()) return {};
  LedgerRecord record;
  record.sequence = number_in(document, "event.sequence").value_or(0);
  const std::string kind = text_of(document, "event.kind");
  if (kind == "state") {
    record.coverage = coverage_of(document);
    if (!is_whole(*record.coverage)) return {};
  } else if (kind == "event") {
    record.flow = flow_of(document);
    if (!record.flow) return {};
  } else {
    return {};
  }
  return record;
}

std::optional<FlowDetails> parse_details(std::string_view line) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(line.data(), line.size());
  if (document.HasParseError() || !document.IsObject()) return {};
  auto record = flow_of(document);
  if (!record) return {};
  return details_of(document, std::move(*record));
}

// As the encoder writes it.
bool is_plainly_flow(std::string_view line) { return contains(line, R"("event.kind": "event", )"); }

bool may_name(std::string_view line, std::string_view address_text) {
  return contains(line, "\"" + std::string{address_text} + "\"");
}

}  // namespace natledger
