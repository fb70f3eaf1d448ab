// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/ip_address.h"

#include <arpa/inet.h>

#include <cstring>

#include "base/quantity.h"
#include "base/text.h"

namespace natledger {

namespace {

// Writes up to three bytes beyond what it returns.
char* append_v4(char* out, const uint8_t* bytes) {
  out = append_small(out, bytes[0]);
  *out++ = '.';
  out = append_small(out, bytes[1]);
  *out++ = '.';
  out = append_small(out, bytes[2]);
  *out++ = '.';
  return append_small(out, bytes[3]);
}

char* append_group(char* out, unsigned group) {
  constexpr char kHex[] = "0123456789abcdef";
  bool started = false;
  for (int shift = 12; shift >= 0; shift -= 4) {
    const unsigned digit = (group >> shift) & 0xf;
    if (digit == 0 && !started && shift != 0) continue;
    started = true;
    *out++ = kHex[digit];
  }
  return out;
}

struct Run {
  int start = -1;
  int length = 0;
};

// The first longest run of two or more zero groups: what inet_ntop writes as "::".
Run longest_zero_run(const std::array<unsigned, 8>& groups) {
  Run best, run;
  for (int i = 0; i < 8; ++i) {
    if (groups[static_cast<size_t>(i)] != 0) {
      run = {};
      continue;
    }
    if (run.start < 0) run.start = i;
    if (++run.length > best.length) best = run;
  }
  return best.length >= 2 ? best : Run{};
}

char* append_v6(char* out, const std::array<uint8_t, 16>& bytes) {
  std::array<unsigned, 8> groups;
  for (size_t i = 0; i < 8; ++i) {
    groups[i] = static_cast<unsigned>(bytes[2 * i] << 8 | bytes[2 * i + 1]);
  }
  const Run zeros = longest_zero_run(groups);
  for (int i = 0; i < 8;) {
    if (i == zeros.start) {
      *out++ = ':';
      i += zeros.length;
      if (i == 8) *out++ = ':';
      continue;
    }
    if (i != 0) *out++ = ':';
    // glibc writes the last 32 bits as IPv4 after "::" and after "::ffff".
    if (i == 6 && zeros.start == 0 &&
        (zeros.length == 6 || (zeros.length == 5 && groups[5] == 0xffff))) {
      return append_v4(out, &bytes[12]);
    }
    out = append_group(out, groups[static_cast<size_t>(i)]);
    ++i;
  }
  return out;
}

std::optional<uint16_t> parse_port(std::string_view text) {
  const auto port = parse_count(text);
  if (!port || *port > UINT16_MAX || text.starts_with("0x") || text.starts_with("0X")) return {};
  return static_cast<uint16_t>(*port);
}

}  // namespace

char* append_address(char* out, const IpAddress& address) {
  switch (address.family) {
    case IpAddress::Family::kV4:
      return append_v4(out, address.bytes.data());
    case IpAddress::Family::kV6:
      return append_v6(out, address.bytes);
    case IpAddress::Family::kNone:
      break;
  }
  return out;
}

std::string address_text(const IpAddress& address) {
  char text[kAddressTextBytes];
  return {text, append_address(text, address)};
}

std::optional<IpAddress> parse_address(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return {};  // where inet_pton would stop
  const std::string terminated{text};
  IpAddress address;
  if (::inet_pton(AF_INET, terminated.c_str(), address.bytes.data()) == 1) {
    address.family = IpAddress::Family::kV4;
    return address;
  }
  address.bytes = {};
  if (::inet_pton(AF_INET6, terminated.c_str(), address.bytes.data()) == 1) {
    address.family = IpAddress::Family::kV6;
    return address;
  }
  return {};
}

char* append_endpoint(char* out, const Endpoint& endpoint) {
  if (!endpoint.port) return append_address(out, endpoint.address);
  if (endpoint.address.family == IpAddress::Family::kV6) {
    *out++ = '[';
    out = append_address(out, endpoint.address);
    *out++ = ']';
  } else {
    out = append_address(out, endpoint.address);
  }
  *out++ = ':';
  return append_number(out, *endpoint.port);
}

std::string endpoint_text(const Endpoint& endpoint) {
  char text[kEndpointTextBytes];
  return {text, append_endpoint(text, endpoint)};
}

std::optional<Endpoint> parse_endpoint(std::string_view text) {
  if (const auto bare = parse_address(text)) return Endpoint{*bare, {}};
  const bool bracketed = text.starts_with('[');
  const size_t host_end = bracketed ? text.find(']') : text.find(':');
  if (host_end == std::string_view::npos) return {};
  const auto address = parse_address(text.substr(bracketed, host_end - bracketed));
  if (!address || bracketed != (address->family == IpAddress::Family::kV6)) return {};
  std::string_view rest = text.substr(host_end + bracketed);
  if (rest.empty()) return Endpoint{*address, {}};
  const auto port = parse_port(rest.substr(1));
  if (rest.front() != ':' || !port) return {};
  return Endpoint{*address, port};
}

}  // namespace natledger
