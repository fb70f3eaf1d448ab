// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "base/quantity.h"
#include "kernel/start_facts.h"

namespace natledger {

namespace {

constexpr std::string_view kTurnsThemOn = "start with --set-sysctls, or ";

std::string sysctl_remedy(std::string_view key, std::string_view value) {
  return std::string{kTurnsThemOn} + "sysctl -w net.netfilter." + std::string{key} + "=" +
         std::string{value};
}

// Before 4.19 connection tracking of each family was a module of its own.
bool has_family_modules(const StartFacts& facts) {
  return facts.kernel_major < 4 || (facts.kernel_major == 4 && facts.kernel_minor < 19);
}

void judge_access(const StartFacts& facts, std::vector<Finding>& findings) {
  if (!facts.net_admin) {
    findings.push_back(
        {true,
         "receive conntrack events: CAP_NET_ADMIN is missing (run as root, or give the service "
         "AmbientCapabilities=CAP_NET_ADMIN)"});
    return;
  }
  if (!facts.ctnetlink) {
    std::string modules = "nf_conntrack_netlink";
    if (has_family_modules(facts)) modules += " nf_conntrack_ipv4 nf_conntrack_ipv6";
    findings.push_back(
        {true,
         "receive conntrack events: the kernel does not answer on ctnetlink, its module is "
         "neither loaded nor could it be (modprobe -a " +
             modules + "; if there is none, a kernel with CONFIG_NF_CT_NETLINK)"});
  }
}

void judge_events(const StartFacts& facts, std::vector<Finding>& findings) {
  if (!facts.events) {
    findings.push_back(
        {false,
         "nf_conntrack_events cannot be read: a kernel without CONFIG_NF_CONNTRACK_EVENTS has no "
         "such key and sends no events, so there would be no records (ls /proc/sys/net/netfilter; "
         "use a kernel that has it)"});
    return;
  }
  if (*facts.events == 0) {
    findings.push_back({true, "nf_conntrack_events is 0: the kernel sends no events at all (" +
                                  sysctl_remedy("nf_conntrack_events", "1") + ")"});
  }
  if (*facts.events == 2) {
    findings.push_back(
        {false,
         "nf_conntrack_events is 2: a flow that begins while no agent runs is never heard of, not "
         "even when it ends (" +
             sysctl_remedy("nf_conntrack_events", "1") + ")"});
  }
}

void judge_accounting(const StartFacts& facts, std::vector<Finding>& findings) {
  if (facts.acct == 0) {
    findings.push_back(
        {false, "nf_conntrack_acct is 0: packets and bytes of new flows will read 0 (" +
                    sysctl_remedy("nf_conntrack_acct", "1") + ")"});
  }
}

void judge_timestamps(const StartFacts& facts, std::vector<Finding>& findings) {
  if (!facts.timestamp) {
    findings.push_back(
        {false,
         "nf_conntrack_timestamp cannot be read: a kernel without CONFIG_NF_CONNTRACK_TIMESTAMP "
         "has "
         "no such key; starts and ends will be the times of reading, an end up to a minute late "
         "(use a kernel that has it)"});
  }
  if (facts.timestamp == 0) {
    findings.push_back(
        {false,
         "nf_conntrack_timestamp is 0: starts and ends will be the times of reading, an end up to "
         "a minute late (" +
             sysctl_remedy("nf_conntrack_timestamp", "1") + ")"});
  }
}

void judge_rules(const StartFacts& facts, std::vector<Finding>& findings) {
  const bool nothing_tracked = facts.tracked.value_or(1) == 0;
  if (facts.rules == RulesUse::kNo && nothing_tracked) {
    findings.push_back(
        {false,
         "no rule uses connection tracking, so there will be no records (add one that does: nft "
         "masquerade, or `ct state`)"});
  } else if (facts.rules == RulesUse::kUnknown && nothing_tracked) {
    findings.push_back(
        {false,
         "no connection is tracked at present; if that stays so there will be no records (look for "
         "a rule that uses connection tracking: nft list ruleset, iptables-save)"});
  }
  for (const std::string& flowtable : facts.flowtables_without_counter) {
    findings.push_back(
        {false, "flowtable " + flowtable +
                    " has no `counter`: bytes of flows it carries stop counting (add "
                    "`counter;` to the flowtable)"});
  }
}

}  // namespace

std::vector<Finding> judge(const StartFacts& facts) {
  std::vector<Finding> findings;
  judge_access(facts, findings);
  // Without ctnetlink nothing else could be read, or matters.
  if (!facts.net_admin || !facts.ctnetlink) return findings;
  judge_events(facts, findings);
  judge_accounting(facts, findings);
  judge_timestamps(facts, findings);
  judge_rules(facts, findings);
  return findings;
}

std::optional<std::string> judge_receive_buffer(uint64_t asked_bytes, uint64_t got_bytes) {
  constexpr uint64_t kMost = INT32_MAX / 2;  // the kernel takes no more, whoever asks
  const uint64_t given = got_bytes / 2;
  if (given >= std::min(asked_bytes, kMost)) return {};
  return "source.receive_buffer is " + size_text(asked_bytes) + " and the kernel gave " +
         size_text(given) +
         ": without CAP_NET_ADMIN in the initial user namespace it gives net.core.rmem_max at "
         "most, and a burst is lost sooner (run the agent in that namespace, or there sysctl -w "
         "net.core.rmem_max=" +
         std::to_string(asked_bytes) + ")";
}

std::vector<SysctlChange> sysctls_to_set(const StartFacts& facts) {
  std::vector<SysctlChange> changes;
  const auto want_on = [&](const char* key, const std::optional<int>& present) {
    if (present.value_or(1) != 1) changes.push_back({key, *present});
  };
  want_on("net.netfilter.nf_conntrack_acct", facts.acct);
  want_on("net.netfilter.nf_conntrack_timestamp", facts.timestamp);
  want_on("net.netfilter.nf_conntrack_events", facts.events);
  return changes;
}

}  // namespace natledger
