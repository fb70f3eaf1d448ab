// SPDX-License-Identifier: GPL-2.0-or-later
#include "kibana/link.h"

#include <cctype>

#include <fmt/format.h>

#include "base/error.h"
#include "base/protocol.h"
#include "kibana/panels.h"

namespace natledger {

namespace {

// Records of flows that were open then may have been made that long before.
constexpr auto kLookBack = std::chrono::hours{24 * 366};
constexpr int64_t kNsPerMillisecond = 1'000'000;

// Servers keep milliseconds; what they cut off may not exclude a flow.
std::string floor_text(TimePoint at) { return utc_text(at).substr(0, 23) + "Z"; }
std::string ceiling_text(TimePoint at) { return floor_text(at + Duration{kNsPerMillisecond - 1}); }

std::string quoted(const std::string& value) { return "\"" + value + "\""; }

std::string public_query(const Endpoint& end) {
  if (end.port) return "conntrack.public:" + quoted(endpoint_text(end));
  // Where it was translated to, and where flows to inside went.
  const std::string address = quoted(address_text(end.address));
  return fmt::format("(reply.ip.daddr.str:{} or dest_ip:{})", address, address);
}

std::string end_query(const Endpoint& end, const char* address_key, const char* port_key) {
  std::string text = address_key + (":" + quoted(address_text(end.address)));
  // An ICMP flow's id is no port, and may be what is asked for.
  if (end.port) text += fmt::format(" and ({0}:{1} or not {0}:*)", port_key, *end.port);
  return "(" + text + ")";
}

std::string remote_query(const Endpoint& end) {
  return "(" + end_query(end, "dest_ip", "orig.l4.dport") + " or " +
         end_query(end, "src_ip", "orig.l4.sport") + " or " +
         end_query(end, "reply.ip.saddr.str", "reply.l4.sport") + ")";
}

// As Rison, in which the address bar has it, quotes a text.
std::string rison_text(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '!' || c == '\'') quoted += '!';
    quoted += c;
  }
  return quoted + "'";
}

// Quotes and parentheses too: terminals and mail programs take those at the end for none of the
// link, and Kibana passes over a query without them.
std::string percent_encoded(const std::string& text) {
  constexpr std::string_view kPlain = "-_.~!*,:";
  std::string encoded;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || kPlain.find(c) != kPlain.npos) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

// As wide as the answer looked, or its flows would be missing.
struct Span {
  TimePoint from;
  TimePoint to;
};

Span span_of(const Answer& answer) {
  const Duration skew = widened(answer.question.skew, answer.clock_settings);
  return {answer.question.at - skew, answer.question.at + skew + kReading};
}

std::string attribution_query(const Question& question, const Span& span) {
  const std::string from = quoted(floor_text(span.from));
  const std::string to = quoted(ceiling_text(span.to));
  std::string flows = public_query(question.address);
  if (question.protocol) flows += fmt::format(" and orig.ip.protocol:{}", *question.protocol);
  if (question.remote) flows += " and " + remote_query(*question.remote);
  // A record of a start has no end, an inferred one perhaps no start: they are not left out.
  return fmt::format(
      "({} and not event.start > {} and not event.end < {} and not flow.end.not_after < {}) or "
      "(event.kind:state and not coverage.from > {} and not coverage.to < {})",
      flows, to, from, from, to, from);
}

// Without USER:PASSWORD@, as links are passed on.
std::string base_of(const std::string& url) {
  const size_t host = url.find("://") + 3;
  const size_t at = url.substr(0, url.find('/', host)).rfind('@');
  const std::string base = at == url.npos ? url : url.substr(0, host) + url.substr(at + 1);
  return base.substr(0, base.find_last_not_of('/') + 1);
}

}  // namespace

std::string kibana_link(const std::string& url, const Answer& answer) {
  if (url.empty()) return {};
  const bool is_http = url.starts_with("http://") || url.starts_with("https://");
  if (!is_http || url.find_first_of("?#") != url.npos) {
    throw ConfigError("--kibana: \"" + url +
                      "\" is no address of a Kibana, such as https://kibana:5601");
  }
  const Span span = span_of(answer);
  const std::string from = floor_text(span.from - kLookBack);
  const std::string time = "(time:(from:" + rison_text(from) + ",to:now))";
  const std::string query =
      "(query:(language:kuery,query:" + rison_text(attribution_query(answer.question, span)) + "))";
  return base_of(url) + "/app/dashboards#/view/" + std::string{kAttributionId} +
         "?_g=" + percent_encoded(time) + "&_a=" + percent_encoded(query);
}

}  // namespace natledger
