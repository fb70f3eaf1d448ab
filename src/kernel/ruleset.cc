// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/ruleset.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <string_view>

#include <libmnl/libmnl.h>

#include "base/attributes.h"
#include "base/file.h"
#include "base/handle.h"

namespace natledger {

namespace {

using MnlSocket = Handle<mnl_socket, mnl_socket_close>;
using Visit = std::function<void(Bytes)>;

// nft expressions, and xtables matches and targets, that switch connection tracking on in their
// namespace (each calls nf_ct_netns_get).
constexpr std::string_view kExpressions[] = {"ct",       "nat",       "masq",        "redir",
                                             "synproxy", "connlimit", "flow_offload"};
constexpr std::string_view kExtensions[] = {
    "conntrack", "state", "connmark", "connbytes",  "connlabel", "connlimit", "helper",  "CT",
    "CONNMARK",  "SNAT",  "DNAT",     "MASQUERADE", "REDIRECT",  "NETMAP",    "SYNPROXY"};

template <size_t kCount>
bool is_one_of(std::string_view name, const std::string_view (&known)[kCount]) {
  return std::find(std::begin(known), std::end(known), name) != std::end(known);
}

// False when nf_tables does not answer.
bool dump_nftables(uint16_t type, const Visit& visit) {
  const MnlSocket socket{mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC)};
  if (!socket || mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0) return false;
  std::array<char, 65536> buffer{};
  nlmsghdr* header = mnl_nlmsg_put_header(buffer.data());
  header->nlmsg_type = static_cast<uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | type);
  header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  auto* family = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(nfgenmsg)));
  family->nfgen_family = AF_UNSPEC;
  if (mnl_socket_sendto(socket.get(), header, header->nlmsg_len) < 0) return false;

  const auto call = [](const nlmsghdr* message, void* context) {
    const auto* start = reinterpret_cast<const std::byte*>(message);
    (*static_cast<const Visit*>(context))({start, message->nlmsg_len});
    return MNL_CB_OK;
  };
  for (;;) {
    const ssize_t bytes = mnl_socket_recvfrom(socket.get(), buffer.data(), buffer.size());
    if (bytes < 0) return false;
    const int result =
        mnl_cb_run(buffer.data(), static_cast<size_t>(bytes), 0,
                   mnl_socket_get_portid(socket.get()), call, const_cast<Visit*>(&visit));
    if (result < 0) return false;
    if (result == MNL_CB_STOP) return true;
  }
}

// The value of the first attribute of `type`; empty when there is none.
Bytes find(Bytes nest, uint16_t type) {
  Attributes attributes{nest};
  for (Attribute attribute; attributes.next(attribute);) {
    if (attribute.type == type) return attribute.value;
  }
  return {};
}

std::string_view text_in(Bytes nest, uint16_t type) {
  const Bytes value = find(nest, type);
  const std::string_view text{reinterpret_cast<const char*>(value.data()), value.size()};
  return text.substr(0, text.find('\0'));
}

constexpr size_t kHeadersBytes = NLMSG_HDRLEN + sizeof(nfgenmsg);

Bytes attributes_of(Bytes message) {
  return message.subspan(std::min(kHeadersBytes, message.size()));
}

bool expression_uses_conntrack(Bytes element) {
  const std::string_view expression = text_in(element, NFTA_EXPR_NAME);
  if (is_one_of(expression, kExpressions)) return true;
  if (expression != "match" && expression != "target") return false;
  static_assert(uint16_t{NFTA_MATCH_NAME} == uint16_t{NFTA_TARGET_NAME});
  return is_one_of(text_in(find(element, NFTA_EXPR_DATA), NFTA_MATCH_NAME), kExtensions);
}

std::string_view family_name(uint8_t family) {
  switch (family) {
    case NFPROTO_IPV4:
      return "ip";
    case NFPROTO_IPV6:
      return "ip6";
    case NFPROTO_INET:
      return "inet";
    default:
      return "?";
  }
}

}  // namespace

bool rule_uses_conntrack(Bytes message) {
  Attributes expressions{find(attributes_of(message), NFTA_RULE_EXPRESSIONS)};
  for (Attribute element; expressions.next(element);) {
    if (expression_uses_conntrack(element.value)) return true;
  }
  return false;
}

std::optional<std::string> flowtable_without_counter(Bytes message) {
  if (message.size() < kHeadersBytes) return {};
  const Bytes flowtable = attributes_of(message);
  const Bytes flags = find(flowtable, NFTA_FLOWTABLE_FLAGS);
  const uint32_t bits = flags.size() == sizeof(uint32_t) ? load_be32(flags.data()) : 0;
  if ((bits & NFT_FLOWTABLE_COUNTER) != 0) return {};
  const auto header = load<nfgenmsg>(message.data() + NLMSG_HDRLEN);
  std::string name{family_name(header.nfgen_family)};
  name.append(" ").append(text_in(flowtable, NFTA_FLOWTABLE_TABLE));
  return name.append("/").append(text_in(flowtable, NFTA_FLOWTABLE_NAME));
}

RulesUse rules_use_conntrack() {
  // The old iptables: its nat table tracks, whatever is in it; others cannot be read from here.
  for (const char* path : {"/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"}) {
    const auto tables = read_file(path);
    if (tables && ("\n" + *tables).find("\nnat\n") != std::string::npos) return RulesUse::kYes;
    if (tables && !tables->empty()) return RulesUse::kUnknown;
  }
  bool used = false;
  const bool answered =
      dump_nftables(NFT_MSG_GETRULE, [&](Bytes rule) { used = used || rule_uses_conntrack(rule); });
  if (used) return RulesUse::kYes;
  return answered ? RulesUse::kNo : RulesUse::kUnknown;
}

std::vector<std::string> flowtables_without_counter() {
  std::vector<std::string> found;
  dump_nftables(NFT_MSG_GETFLOWTABLE, [&](Bytes message) {
    if (auto name = flowtable_without_counter(message)) found.push_back(std::move(*name));
  });
  return found;
}

}  // namespace natledger
