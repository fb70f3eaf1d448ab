// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/start_facts.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include <libmnl/libmnl.h>

#include "base/error.h"
#include "base/file.h"
#include "base/handle.h"
#include "kernel/ruleset.h"

namespace natledger {

namespace {

constexpr const char* kSysctls = "/proc/sys/net/netfilter/";

bool has_net_admin() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data{};
  if (::syscall(SYS_capget, &header, data.data()) < 0) return false;
  return (data[CAP_TO_INDEX(CAP_NET_ADMIN)].effective & CAP_TO_MASK(CAP_NET_ADMIN)) != 0;
}

// Asks for a number that every ctnetlink can give. The request itself makes the kernel load the
// module where it may load modules.
bool ctnetlink_answers() {
  const Handle<mnl_socket, mnl_socket_close> socket{
      mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC)};
  if (!socket || mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0) return false;
  std::array<char, 8192> buffer{};
  nlmsghdr* header = mnl_nlmsg_put_header(buffer.data());
  header->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS;
  header->nlmsg_flags = NLM_F_REQUEST;
  mnl_nlmsg_put_extra_header(header, sizeof(nfgenmsg));
  if (mnl_socket_sendto(socket.get(), header, header->nlmsg_len) < 0) return false;
  if (mnl_socket_recvfrom(socket.get(), buffer.data(), buffer.size()) < 0) return false;
  return header->nlmsg_type != NLMSG_ERROR;
}

std::optional<int> read_sysctl(const std::string& key) {
  const auto value = read_number(kSysctls + key);
  if (!value) return {};
  return static_cast<int>(*value);
}

void write_one(const std::string& key) {
  constexpr std::string_view kRemedy = "needs root in this network namespace";
  std::string path = "/proc/sys/" + key;
  std::replace(path.begin(), path.end(), '.', '/');
  const UniqueFd fd = open_file(path, O_WRONLY, 0, kRemedy);
  if (!write_whole(fd.get(), "1")) throw SystemError("set " + key, errno, kRemedy);
}

}  // namespace

StartFacts read_start_facts() {
  StartFacts facts;
  facts.net_admin = has_net_admin();
  utsname system{};
  if (::uname(&system) == 0) {
    facts.kernel_release = system.release;
    std::sscanf(system.release, "%u.%u", &facts.kernel_major, &facts.kernel_minor);
  }
  facts.ctnetlink = facts.net_admin && ctnetlink_answers();
  facts.acct = read_sysctl("nf_conntrack_acct");
  facts.timestamp = read_sysctl("nf_conntrack_timestamp");
  facts.events = read_sysctl("nf_conntrack_events");
  facts.clock = read_clock_state();
  facts.tracked = read_number(std::string{kSysctls} + "nf_conntrack_count");
  if (facts.net_admin) {
    facts.rules = rules_use_conntrack();
    facts.flowtables_without_counter = flowtables_without_counter();
  }
  return facts;
}

bool sends_events() { return read_sysctl("nf_conntrack_events").value_or(1) != 0; }

std::vector<std::string> set_sysctls(const StartFacts& facts) {
  std::vector<std::string> changes;
  for (const SysctlChange& change : sysctls_to_set(facts)) {
    write_one(change.key);
    changes.push_back(change.key + ": " + std::to_string(change.present) + " -> 1");
  }
  return changes;
}

}  // namespace natledger
