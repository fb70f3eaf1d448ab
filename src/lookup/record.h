// SPDX-License-Identifier: GPL-2.0-or-later
// A line of the ledger read back, as far as a question needs it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "base/time.h"

namespace natledger {

// One way to see a flow from outside: by its source after translation, or by its destination
// before.
struct PublicSide {
  Endpoint seen;            // the public end
  Endpoint inside;          // who was behind it
  Endpoint remote;          // who saw it
  bool id_unknown = false;  // `seen` was translated and its ICMP id or GRE key is not recorded
};

// The four ends of a flow, with what its protocol has for a port.
struct FlowEnds {
  Endpoint orig_source, orig_target, reply_source, reply_target;
};
// `id_known`: whether reply_target's id is as the outside saw it.
std::vector<PublicSide> public_sides(const FlowEnds& ends, bool id_known);

struct FlowRecord {
  std::string flow_id;
  std::string event_id;
  bool is_end = false;
  int protocol = 0;
  TimePoint at;     // @timestamp
  TimePoint start;  // the zero instant: not known
  TimePoint end;
  TimePoint start_not_after;  // of an inferred start
  TimePoint end_not_before;   // of an inferred end, with the one below
  TimePoint end_not_after;
  bool picked_up = false;   // it began at `start` or before
  std::string start_clock;  // "kernel", "event", "receipt", or empty
  int zone = 0;
  std::string nat_kind;
  std::vector<PublicSide> sides;  // one, or two where both ends were translated

  bool inferred() const { return start_not_after.known() || end_not_after.known(); }
};

struct CoverageLine {
  std::string action;
  TimePoint at;
  TimePoint from;
  TimePoint to;
  std::string reason;
  uint64_t from_sequence = 0;
  uint64_t to_sequence = 0;
  std::vector<std::string> events;
  Duration clock_step{};            // forward; negative: back
  uint64_t open_from_sequence = 0;  // 0: not said
  bool carried_over = false;        // of a start: the flows that the run before left open are known
};

struct LedgerRecord {
  uint64_t sequence = 0;
  std::optional<FlowRecord> flow;  // one of the two
  std::optional<CoverageLine> coverage;
};

// Nothing when the line is no record of either kind, or lacks what every such record has.
std::optional<LedgerRecord> parse_record(std::string_view line);

// All that a record tells of its flow, for who goes on with it.
struct FlowDetails {
  FlowRecord record;
  FlowEnds ends;  // with ICMP ids and GRE keys for ports
  uint32_t id = 0;
  uint32_t mark = 0;
  uint8_t icmp_type = 0;
  uint8_t icmp_code = 0;
  std::string zone_direction;  // "orig", "reply" or empty
  std::string helper;
  std::vector<std::string> labels;
  std::string parent_id;
};
// Nothing when the line is no record of a flow.
std::optional<FlowDetails> parse_details(std::string_view line);

// A quick look at the text. Whether it is a flow record for sure; whether it may name this address,
// never false for a line that does.
bool is_plainly_flow(std::string_view line);
bool may_name(std::string_view line, std::string_view address_text);

}  // namespace natledger
