// SPDX-License-Identifier: GPL-2.0-or-later
// A ledger written line by line, and questions to it.
#pragma once

#include <gtest/gtest.h>

#include "encode/coverage.h"
#include "lookup/answer_text.h"
#include "lookup/who.h"
#include "unit/test_support.h"

namespace natledger {

struct FlowText {
  std::string inside = "192.168.1.129:53400";
  std::string seen = "1.2.3.4:53500";
  std::string remote = "19.1.16.7:443";
  TimePoint start{};
  TimePoint end{};
  std::string clock = "kernel";
  int zone = 0;
  TimePoint not_after{};   // of an inferred start
  TimePoint gone_after{};  // of an inferred end, and by `end`
};

// Writes a ledger line by line.
class WhoTest : public testing::Test {
 protected:
  void coverage(const std::string& action, TimePoint when, const std::string& reason = "",
                TimePoint from = {}) {
    CoverageRecord record;
    record.action = action;
    record.at = when;
    record.sequence = next_;
    record.reason = reason;
    record.from = from;
    if (from.known()) record.to = when;
    if (action == "coverage-start") record.events = events_;
    add(encode_coverage(record));
  }

  // A record running from 12:00:00 on, of which all that was open before is known.
  void begin() {
    coverage("coverage-start", at(0));
    coverage("coverage-resume", at(0));
  }

  void skipped(uint64_t to, TimePoint when = at(1)) {
    CoverageRecord record;
    record.action = "sequence-skipped";
    record.at = when;
    record.from_sequence = next_;
    record.to_sequence = to;
    next_ = to + 1;
    record.sequence = next_;
    add(encode_coverage(record));
  }

  void start(const std::string& id, const FlowText& flow) { add(flow_line(id, flow, false)); }
  void end(const std::string& id, const FlowText& flow) { add(flow_line(id, flow, true)); }

  std::string flow_line(const std::string& id, const FlowText& flow, bool is_end) const {
    const auto inside = *parse_endpoint(flow.inside);
    const auto seen = *parse_endpoint(flow.seen);
    const auto remote = *parse_endpoint(flow.remote);
    const auto quoted = [](const std::string& key, const std::string& value) {
      return "\"" + key + "\": \"" + value + "\", ";
    };
    const auto number = [](const std::string& key, uint64_t value) {
      return "\"" + key + "\": " + std::to_string(value) + ", ";
    };
    std::string line = "{" + number("orig.ip.protocol", 6) + number("reply.ip.protocol", 6);
    line += number("orig.l4.sport", *inside.port) + number("orig.l4.dport", *remote.port);
    line += number("reply.l4.sport", *remote.port) + number("reply.l4.dport", *seen.port);
    line += quoted("src_ip", address_text(inside.address));
    line += quoted("dest_ip", address_text(remote.address));
    line += quoted("reply.ip.saddr.str", address_text(remote.address));
    line += quoted("reply.ip.daddr.str", address_text(seen.address));
    const TimePoint known = flow.start.known() ? flow.start : flow.not_after;
    line += quoted("@timestamp", utc_text(is_end ? flow.end : known));
    line += quoted("event.kind", "event") + number("event.sequence", next_);
    line += quoted("event.action", is_end ? "flow-end" : "flow-start") + quoted("flow.id", id);
    if (flow.start.known()) {
      line += quoted("event.start", utc_text(flow.start)) + quoted("flow.start.clock", flow.clock);
    }
    if (flow.not_after.known()) line += quoted("flow.start.not_after", utc_text(flow.not_after));
    if (is_end && !flow.gone_after.known()) line += quoted("event.end", utc_text(flow.end));
    if (flow.gone_after.known()) {
      line += quoted("flow.end.not_before", utc_text(flow.gone_after));
      line += quoted("flow.end.not_after", utc_text(flow.end));
    }
    if (flow.zone != 0) line += number("conntrack.zone", static_cast<uint64_t>(flow.zone));
    return line + "\"conntrack.nat.kind\": \"snat\"}\n";
  }

  void add(std::string line) {
    line.pop_back();
    lines_.push_back({next_++, line});
  }

  void lose_line() { ++next_; }
  // The last line, with `from` in place of `to`.
  void damage(const std::string& from, const std::string& to) {
    std::string& line = lines_.back().second;
    const size_t found = line.find(from);
    ASSERT_NE(found, std::string::npos) << line;
    line.replace(found, from.size(), to);
  }

  Answer ask(const std::string& address, TimePoint when, const std::string& remote = "") {
    QuestionText text;
    text.address = address;
    text.at = utc_text(when);
    text.remote = remote;
    Inquiry inquiry{parse_question(text)};
    for (const auto& [sequence, line] : lines_) inquiry.read(line, sequence);
    return inquiry.answer(covered_to_, at(3600));
  }
  int verdict(const std::string& address, TimePoint when, const std::string& remote = "") {
    return static_cast<int>(ask(address, when, remote).verdict);
  }

  std::vector<std::string> events_{"new", "destroy"};
  TimePoint covered_to_ = at(3000);

  std::vector<std::pair<uint64_t, std::string>> lines_;
  uint64_t next_ = 1;
};

}  // namespace natledger
