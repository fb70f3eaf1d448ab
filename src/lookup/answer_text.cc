// SPDX-License-Identifier: GPL-2.0-or-later
#include "lookup/answer_text.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "base/json_text.h"
#include "base/list_text.h"
#include "base/protocol.h"

namespace natledger {

namespace {

std::string protocol_text(const Candidate& candidate) {
  return transport_text(static_cast<uint8_t>(candidate.protocol));
}

std::string host_text(const Candidate& candidate) {
  std::string text = address_text(candidate.side.inside.address);
  if (candidate.zone != 0) text += fmt::format(" in zone {}", candidate.zone);
  if (!candidate.gateway.empty()) text += " behind " + candidate.gateway;
  return text;
}

std::vector<std::string> hosts_of(const Answer& answer) {
  std::vector<std::string> hosts;
  for (const Candidate& candidate : answer.candidates) {
    const std::string host = host_text(candidate);
    if (std::find(hosts.begin(), hosts.end(), host) == hosts.end()) hosts.push_back(host);
  }
  return hosts;
}

std::string candidate_line(const Candidate& c) {
  const std::string start = c.start.known() ? utc_text(c.start) : "an unknown time";
  const std::string end = c.end.known() ? utc_text(c.end) : "now open";
  std::string line =
      fmt::format("  {}  {} to {}  from {} {}{}{}\n", endpoint_text(c.side.inside),
                  protocol_text(c), endpoint_text(c.side.remote), start, c.end.known() ? "to " : "",
                  c.end.known() ? end : "on", c.gateway.empty() ? "" : "  by " + c.gateway);
  if (!c.doubt.empty()) line += "    but " + c.doubt + "\n";
  if (c.picked_up) line += "    it was under way when the gateway first knew it\n";
  return line;
}

std::string gateway_text(const Gateway& gateway) {
  return gateway.observer.empty() ? "ledger " + gateway.ledger
                                  : gateway.observer + ", ledger " + gateway.ledger;
}

std::string reason_text(const std::string& reason) {
  if (reason == "overrun" || reason == "reader-too-slow") return "the kernel dropped events";
  if (reason == "agent-down") return "no agent ran";
  if (reason == "oversize") return "an event was too long to read";
  if (reason == "lines-missing") return "lines are missing from the ledger";
  return reason;
}

// Of a record without a hole there.
std::string reach_text(const Question& question, TimePoint begin, TimePoint end) {
  if (!begin.known()) return "The ledger covers no time at all.\n";
  if (question.at < begin + question.skew) {
    return fmt::format("The record begins at {}.\n", utc_text(begin));
  }
  if (question.at + question.skew > end) {
    return fmt::format("The record reaches to {}.\n", utc_text(end));
  }
  return "What was being recorded then would not show every such flow.\n";
}

// Why the record does not cover the time.
std::string hole_text(const Answer& answer) {
  std::string text;
  for (const Hole& hole : answer.holes) {
    text += fmt::format("  between {} and {}: {}{}\n", utc_text(hole.from), utc_text(hole.to),
                        reason_text(hole.reason),
                        hole.gateway.empty() ? "" : " (" + hole.gateway + ")");
  }
  if (!text.empty()) return "The record has a hole there:\n" + text;
  if (answer.gateways.size() < 2) {
    return reach_text(answer.question, answer.record_begin, answer.record_end);
  }
  for (const Gateway& gateway : answer.gateways) {
    if (gateway.covered) continue;
    text += gateway_text(gateway) + ": " + reach_text(answer.question, gateway.begin, gateway.end);
  }
  return text;
}

std::string clock_text(const Answer& answer) {
  std::string text;
  for (const ClockSetting& setting : answer.clock_settings) {
    text += fmt::format(
        "The gateway's clock was set {} by {:.3f} s; what it showed between {} and {} may be as "
        "far "
        "off, and all that fits within that is counted.\n",
        setting.by > Duration::zero() ? "forward" : "back",
        std::chrono::duration<double>(std::chrono::abs(setting.by)).count(), utc_text(setting.from),
        utc_text(setting.to));
  }
  return text;
}

// Which --remote, or --gateway, would decide between several hosts.
std::string remotes_text(const Answer& answer) {
  std::string text;
  const auto differs = [&](const Candidate& c) {
    return c.gateway != answer.candidates.front().gateway;
  };
  if (std::ranges::any_of(answer.candidates, differs)) {
    return "Several gateways had flows behind this address; --gateway asks one of them.\n";
  }
  for (const Candidate& c : answer.candidates) {
    text += fmt::format("  --remote {}  {}\n", endpoint_text(c.side.remote), host_text(c));
  }
  return "Linux gives one public port to several hosts at once when their remote ends differ; the "
         "remote end decides:\n" +
         text;
}

std::string verdict_text(const Answer& answer) {
  const std::vector<std::string> hosts = hosts_of(answer);
  switch (answer.verdict) {
    case Verdict::kOneHost:
      if (!answer.question.address.port) {
        return fmt::format("{} flows, and the record is whole there.\n", answer.candidates.size());
      }
      return fmt::format("It was {}.\n", hosts.front());
    case Verdict::kNobody:
      return "Nobody: the record is whole there and shows no such flow.\n";
    case Verdict::kSeveralHosts:
      return fmt::format("Several hosts: {}.\n", list_text(hosts)) +
             (answer.covered ? "" : hole_text(answer)) +
             (answer.question.address.port ? remotes_text(answer) : "");
    case Verdict::kCannotSay:
      return std::string{"Cannot say."} +
             (answer.candidates.empty() ? " No such flow is recorded, but that proves nothing.\n"
                                        : " There may be others.\n") +
             (answer.covered ? "" : hole_text(answer));
    case Verdict::kOneHostNotSure:
      break;
  }
  return fmt::format("It may have been {}, but another host, or nobody, cannot be excluded.\n",
                     hosts.front()) +
         (answer.covered ? "" : hole_text(answer));
}

std::string json_time(TimePoint at) { return at.known() ? json_string(utc_text(at)) : "null"; }

// A member that only answers of several gateways have.
std::string gateway_member(const std::string& gateway) {
  return gateway.empty() ? "" : ", \"gateway\": " + json_string(gateway);
}

std::string gateways_json(const std::vector<Gateway>& gateways) {
  std::string text;
  for (const Gateway& g : gateways) {
    text += fmt::format(
        R"({}{{"ledger": {}, "observer": {}, "covered": {}, "record": {{"from": {}, "to": {}}}}})",
        text.empty() ? "" : ", ", json_string(g.ledger), json_string(g.observer), g.covered,
        json_time(g.begin), json_time(g.end));
  }
  return text;
}

std::string candidate_json(const Candidate& c) {
  return fmt::format(
      R"({{"inside": {}, "host": {}, "protocol": {}, "public": {}, "remote": {}, "nat": {}, )"
      R"("zone": {}, "start": {}, "end": {}, "flow.id": {}, "doubt": {}, "picked_up": {}{}}})",
      json_string(endpoint_text(c.side.inside)), json_string(address_text(c.side.inside.address)),
      json_string(protocol_text(c)), json_string(endpoint_text(c.side.seen)),
      json_string(endpoint_text(c.side.remote)), json_string(c.nat_kind), c.zone,
      json_time(c.start), json_time(c.end), json_string(c.flow_id),
      c.doubt.empty() ? "null" : json_string(c.doubt), c.picked_up, gateway_member(c.gateway));
}

}  // namespace

std::string answer_text(const Answer& answer) {
  std::string text = answer.question.text() + "\n\n";
  for (const Candidate& candidate : answer.candidates) text += candidate_line(candidate);
  if (!answer.candidates.empty()) text += "\n";
  text += clock_text(answer) + verdict_text(answer);
  return answer.kibana.empty() ? text : text + "\nIn Kibana: " + answer.kibana + "\n";
}

std::string answer_json(const Answer& answer) {
  std::string flows;
  for (const Candidate& candidate : answer.candidates) {
    flows.append(flows.empty() ? "" : ", ").append(candidate_json(candidate));
  }
  std::string holes;
  for (const Hole& hole : answer.holes) {
    holes += fmt::format(R"({}{{"from": {}, "to": {}, "reason": {}{}}})", holes.empty() ? "" : ", ",
                         json_time(hole.from), json_time(hole.to), json_string(hole.reason),
                         gateway_member(hole.gateway));
  }
  std::string settings;
  for (const ClockSetting& setting : answer.clock_settings) {
    settings +=
        fmt::format(R"({}{{"from": {}, "to": {}, "by_ms": {}}})", settings.empty() ? "" : ", ",
                    json_time(setting.from), json_time(setting.to), setting.by.count() / 1'000'000);
  }
  std::string more;
  if (!answer.source.empty()) {
    more = fmt::format(R"(, "source": {}, "gateways": [{}])", json_string(answer.source),
                       gateways_json(answer.gateways));
  }
  if (!answer.kibana.empty()) more += R"(, "kibana": )" + json_string(answer.kibana);
  return fmt::format(
      R"({{"address": {}, "at": {}, "skew_ms": {}, "verdict": {}, "exit": {}, "covered": {}, )"
      R"("flows": [{}], "holes": [{}], "clock_settings": [{}], )"
      R"("record": {{"from": {}, "to": {}}}{}}})"
      "\n",
      json_string(endpoint_text(answer.question.address)), json_time(answer.question.at),
      answer.question.skew.count() / 1'000'000, json_string(verdict_name(answer.verdict)),
      static_cast<int>(answer.verdict), answer.covered, flows, holes, settings,
      json_time(answer.record_begin), json_time(answer.record_end), more);
}

std::string verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kOneHost:
      return "one-host";
    case Verdict::kNobody:
      return "nobody";
    case Verdict::kSeveralHosts:
      return "several-hosts";
    case Verdict::kCannotSay:
      return "cannot-say";
    case Verdict::kOneHostNotSure:
      break;
  }
  return "one-host-not-sure";
}

}  // namespace natledger
