// SPDX-License-Identifier: GPL-2.0-or-later
// Records read back into flows.
#include "cli/earlier_flows.h"

#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "agent/label_names.h"
#include "base/protocol.h"
#include "lookup/open_flows.h"

namespace natledger {

namespace {

constexpr size_t kMostEpochs = UINT16_MAX;

// The kernel's pairs of queries and answers (nf_conntrack_proto_icmp.c, ..._icmpv6.c).
uint8_t answer_of(uint8_t type) {
  switch (type) {
    case 8:
      return 0;
    case 0:
      return 8;
    case 13:
    case 15:
    case 17:
    case 128:
    case 139:
      return static_cast<uint8_t>(type + 1);
    case 14:
    case 16:
    case 18:
    case 129:
    case 140:
      return static_cast<uint8_t>(type - 1);
    default:
      return type;
  }
}

StartClock clock_of(const std::string& name) {
  if (name == "kernel") return StartClock::kKernel;
  if (name == "event") return StartClock::kEvent;
  return name == "receipt" ? StartClock::kReceipt : StartClock::kNone;
}

class Reading {
 public:
  Reading(std::vector<std::string>& prefixes, const LiveFlows::FlowVisit& visit)
      : prefixes_(prefixes), visit_(visit) {}

  void take(const FlowDetails& details) {
    Flow flow;
    flow.event = Event::kNew;
    if (!take_id(details.record.flow_id, flow.first_sequence, flow.first_epoch)) return;
    flow.sequence = flow.first_sequence;
    take_id(details.parent_id, flow.parent_sequence, flow.parent_epoch);
    take_ends(details, flow);
    flow.id = details.id;
    flow.mark = details.mark;
    flow.zone = static_cast<uint16_t>(details.record.zone);
    if (details.zone_direction == "orig") flow.zone_direction = ZoneDirection::kOrig;
    if (details.zone_direction == "reply") flow.zone_direction = ZoneDirection::kReply;
    flow.helper.bytes = static_cast<uint8_t>(std::min(details.helper.size(), kHelperNameBytes));
    std::copy_n(details.helper.begin(), flow.helper.bytes, flow.helper.text.begin());
    for (const std::string& label : details.labels) take_label(label, flow.labels);
    if (details.record.picked_up) flow.reason = Reason::kPickedUp;
    flow.start = details.record.start;
    flow.start_clock = clock_of(details.record.start_clock);
    flow.from_dump = details.record.start_not_after.known();
    flow.receipt = flow.from_dump ? details.record.start_not_after : details.record.at;
    visit_(flow);
  }

 private:
  // Of "<ledger>-<epoch>-<sequence>".
  bool take_id(const std::string& id, uint64_t& sequence, uint16_t& epoch) {
    const size_t digits = id.rfind('-') + 1;  // 0 where there is no dash
    if (digits == 0) return false;
    const char* end = id.data() + id.size();
    const auto [read_to, error] = std::from_chars(id.data() + digits, end, sequence);
    if (error != std::errc{} || read_to != end || sequence == 0) return false;
    const auto [known, is_new] = epochs_.try_emplace(id.substr(0, digits), 0);
    if (is_new) {
      if (prefixes_.size() == kMostEpochs) return false;
      prefixes_.push_back(known->first);
      known->second = static_cast<uint16_t>(prefixes_.size());
    }
    epoch = known->second;
    return epoch != 0;
  }

  static void take_ends(const FlowDetails& details, Flow& flow) {
    const FlowEnds& ends = details.ends;
    const bool v4 = ends.orig_source.address.family == IpAddress::Family::kV4;
    flow.family = v4 ? AF_INET : AF_INET6;
    const auto leg_of = [&](const Endpoint& source, const Endpoint& target, uint8_t type) {
      Leg leg;
      leg.protocol = static_cast<uint8_t>(details.record.protocol);
      leg.source = source.address;
      leg.target = target.address;
      if (is_icmp(leg.protocol)) {
        leg.icmp_type = type;
        leg.icmp_code = details.icmp_code;
      } else {
        leg.source_port = source.port.value_or(0);
        leg.target_port = target.port.value_or(0);
      }
      return leg;
    };
    flow.orig = leg_of(ends.orig_source, ends.orig_target, details.icmp_type);
    flow.reply = leg_of(ends.reply_source, ends.reply_target, answer_of(details.icmp_type));
    if (!is_icmp(flow.orig.protocol)) return;
    flow.orig.icmp_id = ends.orig_source.port.value_or(0);
    flow.reply.icmp_id = ends.reply_target.port.value_or(0);
  }

  void take_label(const std::string& label, Labels& labels) const {
    const auto named = std::find(label_names_.begin(), label_names_.end(), label);
    auto bit = static_cast<size_t>(named - label_names_.begin());
    if (named == label_names_.end()) {
      const char* end = label.data() + label.size();
      if (std::from_chars(label.data(), end, bit).ptr != end) return;
    }
    if (bit < kLabelBits) labels.words[bit / 64] |= uint64_t{1} << bit % 64;
  }

  std::vector<std::string>& prefixes_;
  const LiveFlows::FlowVisit& visit_;
  const std::array<std::string, kLabelBits> label_names_ = read_label_names();
  std::map<std::string, uint16_t> epochs_;
};

}  // namespace

void read_earlier_flows(const std::string& directory, std::vector<std::string>& id_prefixes,
                        const LiveFlows::FlowVisit& visit) {
  Reading reading{id_prefixes, visit};
  visit_open_flows(directory, [&](const FlowDetails& details) { reading.take(details); });
}

}  // namespace natledger
