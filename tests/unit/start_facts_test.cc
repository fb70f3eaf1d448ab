// SPDX-License-Identifier: GPL-2.0-or-later
// Reading a kernel that one may not configure. What a root sees is a lab's matter.
#include "kernel/start_facts.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>

namespace natledger {
namespace {

// Capabilities belong to a thread, so those that one gives up are gone with it alone.
StartFacts facts_without_net_admin() {
  StartFacts facts;
  std::thread{[&] {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> data{};
    EXPECT_EQ(::syscall(SYS_capget, &header, data.data()), 0);
    data[CAP_TO_INDEX(CAP_NET_ADMIN)].effective &= ~CAP_TO_MASK(CAP_NET_ADMIN);
    EXPECT_EQ(::syscall(SYS_capset, &header, data.data()), 0);
    facts = read_start_facts();
  }}.join();
  return facts;
}

TEST(StartFacts, WithoutTheCapabilityNothingIsAskedOfTheKernel) {
  const StartFacts facts = facts_without_net_admin();
  EXPECT_FALSE(facts.net_admin);
  EXPECT_FALSE(facts.ctnetlink);
  EXPECT_EQ(facts.rules, RulesUse::kUnknown);
  EXPECT_TRUE(facts.flowtables_without_counter.empty());
  const auto findings = judge(facts);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_TRUE(findings[0].fatal);
}

TEST(StartFacts, TheKernelsVersion) {
  utsname system{};
  ASSERT_EQ(::uname(&system), 0);
  const StartFacts facts = facts_without_net_admin();
  EXPECT_EQ(facts.kernel_release, system.release);
  const std::string version =
      std::to_string(facts.kernel_major) + "." + std::to_string(facts.kernel_minor);
  EXPECT_TRUE(facts.kernel_release.starts_with(version)) << version;
  EXPECT_GE(facts.kernel_major, 3U);
}

TEST(StartFacts, SysctlsAsTheyStandAndNothingWhereThereAreNone) {
  const StartFacts facts = facts_without_net_admin();
  const auto in_proc = [](const std::string& key) -> std::optional<int> {
    std::ifstream file{"/proc/sys/net/netfilter/nf_conntrack_" + key};
    int value = 0;
    if (!(file >> value)) return {};
    return value;
  };
  EXPECT_EQ(facts.acct, in_proc("acct"));
  EXPECT_EQ(facts.timestamp, in_proc("timestamp"));
  EXPECT_EQ(facts.events, in_proc("events"));
  EXPECT_EQ(facts.tracked.has_value(), in_proc("count").has_value());
}

TEST(StartFacts, WhereAllIsOnNothingIsWritten) {
  StartFacts facts;
  facts.acct = facts.timestamp = facts.events = 1;
  EXPECT_EQ(set_sysctls(facts), std::vector<std::string>{});
  EXPECT_EQ(set_sysctls(StartFacts{}), std::vector<std::string>{}) << "none of them exists";
}

}  // namespace
}  // namespace natledger
