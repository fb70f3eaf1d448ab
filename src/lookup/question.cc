// SPDX-License-Identifier: GPL-2.0-or-later
#include "lookup/question.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/protocol.h"

namespace natledger {

namespace {

// ::ffff:1.2.3.4 is how a server of both families logs 1.2.3.4 (RFC 4291, 2.5.5.2).
Endpoint without_mapping(const Endpoint& end) {
  constexpr std::array<uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  const auto& bytes = end.address.bytes;
  if (end.address.family != IpAddress::Family::kV6 ||
      !std::equal(kMapped.begin(), kMapped.end(), bytes.begin())) {
    return end;
  }
  IpAddress plain;
  plain.family = IpAddress::Family::kV4;
  std::copy(bytes.begin() + kMapped.size(), bytes.end(), plain.bytes.begin());
  return {plain, end.port};
}

Endpoint read_endpoint(const std::string& option, const std::string& text) {
  const auto endpoint = parse_endpoint(text);
  if (!endpoint) {
    throw ConfigError(option + ": \"" + text +
                      "\" is not an address, such as 1.2.3.4:53500 or [2001:db8::1]:80");
  }
  return without_mapping(*endpoint);
}

}  // namespace

std::string Question::text() const {
  std::string text = endpoint_text(address);
  if (protocol) text += "/" + transport_text(static_cast<uint8_t>(*protocol));
  text += " at " + utc_text(at);
  if (remote) text += ", remote end " + endpoint_text(*remote);
  return text;
}

Question parse_question(const QuestionText& text) {
  Question question;
  question.address = read_endpoint("ADDRESS", text.address);
  const auto at = parse_rfc3339(text.at);
  if (!at) {
    throw ConfigError("--at: \"" + text.at +
                      "\" is not a time with its offset, such as 2014-02-22T12:27:04Z or "
                      "2014-02-22T13:27:04+01:00");
  }
  question.at = *at;
  if (!text.skew.empty()) {
    const auto skew = parse_duration(text.skew);
    if (!skew) throw ConfigError("--skew: \"" + text.skew + "\" is not a time such as 2s");
    question.skew = *skew;
  }
  if (!text.protocol.empty()) {
    question.protocol = transport_number(text.protocol);
    if (*question.protocol > 255) {
      throw ConfigError("--protocol: \"" + text.protocol +
                        "\" is no protocol: tcp, udp, icmp, ipv6-icmp, sctp, gre ... or a number");
    }
  }
  if (!text.remote.empty()) question.remote = read_endpoint("--remote", text.remote);
  question.case_text = text.case_text;
  return question;
}

std::span<const QuestionOption> question_options() {
  static constexpr QuestionOption kOptions[] = {
      {"ADDRESS",
       "1.2.3.4:53500, [2001:db8::1]:80; of ICMP the id; without a port: every flow of the address",
       &QuestionText::address, true},
      {"--at", "the time, with its offset: 2014-02-22T12:27:04Z", &QuestionText::at, true},
      {"--skew", "how far the asker's clock may be off (default: 2s)", &QuestionText::skew},
      {"--protocol", "tcp, udp, icmp ... or a number", &QuestionText::protocol},
      {"--remote", "the other end, with or without its port", &QuestionText::remote},
      {"--case", "a reference for the audit log", &QuestionText::case_text},
  };
  return kOptions;
}

}  // namespace natledger
