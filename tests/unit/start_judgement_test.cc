// SPDX-License-Identifier: GPL-2.0-or-later
// What a run says of its kernel before it begins: each fact alone, then all of them together.
#include <gtest/gtest.h>

#include "kernel/start_facts.h"

namespace natledger {
namespace {

using Texts = std::vector<std::string>;

// The messages whole: what, why, and in brackets the remedy.
constexpr const char* kNoNetAdmin =
    "error: receive conntrack events: CAP_NET_ADMIN is missing (run as root, or give the service "
    "AmbientCapabilities=CAP_NET_ADMIN)";
constexpr const char* kNoCtnetlink =
    "error: receive conntrack events: the kernel does not answer on ctnetlink, its module is "
    "neither loaded nor could it be (modprobe -a nf_conntrack_netlink; if there is none, a kernel "
    "with CONFIG_NF_CT_NETLINK)";
constexpr const char* kNoCtnetlinkOld =
    "error: receive conntrack events: the kernel does not answer on ctnetlink, its module is "
    "neither loaded nor could it be (modprobe -a nf_conntrack_netlink nf_conntrack_ipv4 "
    "nf_conntrack_ipv6; if there is none, a kernel with CONFIG_NF_CT_NETLINK)";
constexpr const char* kEvents0 =
    "error: nf_conntrack_events is 0: the kernel sends no events at all (start with "
    "--set-sysctls, or sysctl -w net.netfilter.nf_conntrack_events=1)";
constexpr const char* kEvents2 =
    "warning: nf_conntrack_events is 2: a flow that begins while no agent runs is never heard of, "
    "not even when it ends (start with --set-sysctls, or sysctl -w "
    "net.netfilter.nf_conntrack_events=1)";
constexpr const char* kAcct0 =
    "warning: nf_conntrack_acct is 0: packets and bytes of new flows will read 0 (start with "
    "--set-sysctls, or sysctl -w net.netfilter.nf_conntrack_acct=1)";
constexpr const char* kTimestamp0 =
    "warning: nf_conntrack_timestamp is 0: starts and ends will be the times of reading, an end up "
    "to a minute late (start with --set-sysctls, or sysctl -w "
    "net.netfilter.nf_conntrack_timestamp=1)";
constexpr const char* kEventsUnknown =
    "warning: nf_conntrack_events cannot be read: a kernel without CONFIG_NF_CONNTRACK_EVENTS has "
    "no such key and sends no events, so there would be no records (ls /proc/sys/net/netfilter; "
    "use a kernel that has it)";
constexpr const char* kTimestampUnknown =
    "warning: nf_conntrack_timestamp cannot be read: a kernel without "
    "CONFIG_NF_CONNTRACK_TIMESTAMP has no such key; starts and ends will be the times of reading, "
    "an end up to a minute late (use a kernel that has it)";
constexpr const char* kNoRule =
    "warning: no rule uses connection tracking, so there will be no records (add one that does: "
    "nft masquerade, or `ct state`)";
constexpr const char* kNothingTracked =
    "warning: no connection is tracked at present; if that stays so there will be no records (look "
    "for a rule that uses connection tracking: nft list ruleset, iptables-save)";
constexpr const char* kFlowtable =
    "warning: flowtable inet filter/ft has no `counter`: bytes of flows it carries stop counting "
    "(add `counter;` to the flowtable)";

// A kernel that lacks nothing, on Debian 12.
StartFacts all_well() {
  StartFacts facts;
  facts.net_admin = true;
  facts.ctnetlink = true;
  facts.kernel_major = 6;
  facts.kernel_minor = 1;
  facts.kernel_release = "6.1.0-28-amd64";
  facts.acct = 1;
  facts.timestamp = 1;
  facts.events = 1;
  facts.tracked = 12;
  facts.rules = RulesUse::kYes;
  return facts;
}

Texts said_of(const StartFacts& facts) {
  Texts texts;
  for (const Finding& finding : judge(facts)) {
    texts.push_back((finding.fatal ? "error: " : "warning: ") + finding.text);
  }
  return texts;
}

struct JudgementCase {
  const char* name;
  void (*change)(StartFacts&);
  Texts said;
};
void PrintTo(const JudgementCase& c, std::ostream* out) { *out << c.name; }

class StartJudgement : public testing::TestWithParam<JudgementCase> {};

TEST_P(StartJudgement, SaysWhatWhyAndTheRemedy) {
  StartFacts facts = all_well();
  GetParam().change(facts);
  EXPECT_EQ(said_of(facts), GetParam().said);
}

void on_kernel(StartFacts& facts, unsigned major, unsigned minor) {
  facts.ctnetlink = false;
  facts.kernel_major = major;
  facts.kernel_minor = minor;
}

const JudgementCase kAccess[] = {
    {"everything_is_well", [](StartFacts&) {}, {}},
    {"no_capability", [](StartFacts& f) { f.net_admin = false; }, {kNoNetAdmin}},
    {"no_capability_so_ctnetlink_was_not_asked",
     [](StartFacts& f) { f.net_admin = f.ctnetlink = false; },
     {kNoNetAdmin}},
    {"no_ctnetlink", [](StartFacts& f) { f.ctnetlink = false; }, {kNoCtnetlink}},
    // Linux 4.19 put the modules of the two families into nf_conntrack.
    {"no_ctnetlink_4_19", [](StartFacts& f) { on_kernel(f, 4, 19); }, {kNoCtnetlink}},
    {"no_ctnetlink_5_0", [](StartFacts& f) { on_kernel(f, 5, 0); }, {kNoCtnetlink}},
    {"no_ctnetlink_4_18", [](StartFacts& f) { on_kernel(f, 4, 18); }, {kNoCtnetlinkOld}},
    {"no_ctnetlink_3_19", [](StartFacts& f) { on_kernel(f, 3, 19); }, {kNoCtnetlinkOld}},
};

const JudgementCase kSysctls[] = {
    {"no_events", [](StartFacts& f) { f.events = 0; }, {kEvents0}},
    {"events_where_someone_listens", [](StartFacts& f) { f.events = 2; }, {kEvents2}},
    {"no_accounting", [](StartFacts& f) { f.acct = 0; }, {kAcct0}},
    {"no_timestamps", [](StartFacts& f) { f.timestamp = 0; }, {kTimestamp0}},
    {"defaults_of_linux_6",
     [](StartFacts& f) {
       f.events = 2;
       f.acct = f.timestamp = 0;
     },
     {kEvents2, kAcct0, kTimestamp0}},
    {"no_key_for_events", [](StartFacts& f) { f.events = {}; }, {kEventsUnknown}},
    {"no_key_for_timestamps", [](StartFacts& f) { f.timestamp = {}; }, {kTimestampUnknown}},
    // Every kernel has this one.
    {"accounting_that_cannot_be_read", [](StartFacts& f) { f.acct = {}; }, {}},
    {"a_table_that_cannot_be_counted", [](StartFacts& f) { f.tracked = {}; }, {}},
};

const JudgementCase kRules[] = {
    {"no_rule",
     [](StartFacts& f) {
       f.rules = RulesUse::kNo;
       f.tracked = 0;
     },
     {kNoRule}},
    // The rules are those of nf_tables; others may track too, and the table shows it.
    {"no_rule_and_yet_tracked", [](StartFacts& f) { f.rules = RulesUse::kNo; }, {}},
    {"a_rule_before_the_first_packet", [](StartFacts& f) { f.tracked = 0; }, {}},
    {"rules_that_cannot_be_read", [](StartFacts& f) { f.rules = RulesUse::kUnknown; }, {}},
    {"rules_that_cannot_be_read_and_nothing_tracked",
     [](StartFacts& f) {
       f.rules = RulesUse::kUnknown;
       f.tracked = 0;
     },
     {kNothingTracked}},
    {"a_flowtable_that_does_not_count",
     [](StartFacts& f) { f.flowtables_without_counter = {"inet filter/ft"}; },
     {kFlowtable}},
    {"two_flowtables_that_do_not_count",
     [](StartFacts& f) {
       f.flowtables_without_counter = {"inet filter/ft", "ip6 other/fast"};
     },
     {kFlowtable,
      "warning: flowtable ip6 other/fast has no `counter`: bytes of flows it carries stop counting "
      "(add `counter;` to the flowtable)"}},
};

std::string name_of(const testing::TestParamInfo<JudgementCase>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Access, StartJudgement, testing::ValuesIn(kAccess), name_of);
INSTANTIATE_TEST_SUITE_P(Sysctls, StartJudgement, testing::ValuesIn(kSysctls), name_of);
INSTANTIATE_TEST_SUITE_P(Rules, StartJudgement, testing::ValuesIn(kRules), name_of);

// Facts that change independently of each other, in the order in which their findings come.
const JudgementCase kTogether[] = {
    {"events0", [](StartFacts& f) { f.events = 0; }, {kEvents0}},
    {"acct", [](StartFacts& f) { f.acct = 0; }, {kAcct0}},
    {"timestamp", [](StartFacts& f) { f.timestamp = 0; }, {kTimestamp0}},
    {"rules", kRules[0].change, {kNoRule}},
    {"flowtable",
     [](StartFacts& f) { f.flowtables_without_counter = {"inet filter/ft"}; },
     {kFlowtable}},
};

// Makes the changes of `chosen` and says what must be said of them.
Texts change(StartFacts& facts, unsigned chosen) {
  Texts said;
  for (size_t i = 0; i < std::size(kTogether); ++i) {
    if ((chosen >> i & 1) == 0) continue;
    kTogether[i].change(facts);
    said.insert(said.end(), kTogether[i].said.begin(), kTogether[i].said.end());
  }
  return said;
}

constexpr unsigned kCombinations = 1U << std::size(kTogether);

TEST(StartJudgementTogether, NoFindingHidesAnotherAndErrorsComeFirst) {
  for (unsigned chosen = 0; chosen < kCombinations; ++chosen) {
    StartFacts facts = all_well();
    const Texts said = change(facts, chosen);
    EXPECT_EQ(said_of(facts), said) << "combination " << chosen;
  }
}

TEST(StartJudgementTogether, WithoutAccessNothingElseIsSaid) {
  for (unsigned chosen = 0; chosen < kCombinations; ++chosen) {
    StartFacts facts = all_well();
    change(facts, chosen);
    facts.ctnetlink = false;
    EXPECT_EQ(said_of(facts), Texts{kNoCtnetlink}) << "combination " << chosen;
    facts.net_admin = false;
    EXPECT_EQ(said_of(facts), Texts{kNoNetAdmin}) << "combination " << chosen;
  }
}

struct BufferCase {
  const char* name;
  uint64_t asked;
  uint64_t got;
  const char* given;  // what is said to be given; null: nothing is said
};

TEST(ReceiveBuffer, LessThanWasAskedForIsSaid) {
  constexpr uint64_t kMiB = 1 << 20;
  const BufferCase cases[] = {
      {"all of it, doubled", 64 * kMiB, 128 * kMiB, nullptr},
      // A socket has 2304 bytes at least.
      {"more", 1024, 4096, nullptr},
      {"the most that a kernel takes", 1024 * kMiB, 2 * (INT32_MAX / 2), nullptr},
      {"net.core.rmem_max of Debian", 64 * kMiB, 425984, "208KiB"},
      {"a byte too little", 64 * kMiB, 128 * kMiB - 2, "67108863"},
  };
  for (const BufferCase& c : cases) {
    const auto said = judge_receive_buffer(c.asked, c.got);
    ASSERT_EQ(said.has_value(), c.given != nullptr) << c.name;
    if (!said) continue;
    EXPECT_EQ(*said, std::string{"source.receive_buffer is 64MiB and the kernel gave "} + c.given +
                         ": without CAP_NET_ADMIN in the initial user namespace it gives "
                         "net.core.rmem_max at most, and a burst is lost sooner (run the agent in "
                         "that namespace, or there sysctl -w net.core.rmem_max=67108864)")
        << c.name;
  }
}

struct SetSysctlsCase {
  std::optional<int> acct;
  std::optional<int> timestamp;
  std::optional<int> events;
  std::vector<SysctlChange> changes;
};

const SysctlChange kSetAcct{"net.netfilter.nf_conntrack_acct", 0};
const SysctlChange kSetTimestamp{"net.netfilter.nf_conntrack_timestamp", 0};
const SysctlChange kSetEvents0{"net.netfilter.nf_conntrack_events", 0};
const SysctlChange kSetEvents2{"net.netfilter.nf_conntrack_events", 2};

TEST(SetSysctls, ChangesWhatIsOffAndNothingElse) {
  const SetSysctlsCase cases[] = {
      {1, 1, 1, {}},
      {0, 1, 1, {kSetAcct}},
      {1, 0, 1, {kSetTimestamp}},
      {1, 1, 0, {kSetEvents0}},
      {1, 1, 2, {kSetEvents2}},
      {0, 0, 2, {kSetAcct, kSetTimestamp, kSetEvents2}},
      {{}, {}, {}, {}},
      {{}, 0, {}, {kSetTimestamp}},
  };
  for (const SetSysctlsCase& c : cases) {
    StartFacts facts = all_well();
    facts.acct = c.acct;
    facts.timestamp = c.timestamp;
    facts.events = c.events;
    EXPECT_EQ(sysctls_to_set(facts), c.changes) << testing::PrintToString(c.changes.size());
  }
}

// Applies what --set-sysctls does, as the kernel would show it afterwards.
void set_all(StartFacts& facts) {
  for (const SysctlChange& change : sysctls_to_set(facts)) {
    if (change.key.ends_with("_acct")) facts.acct = 1;
    if (change.key.ends_with("_timestamp")) facts.timestamp = 1;
    if (change.key.ends_with("_events")) facts.events = 1;
  }
}

TEST(SetSysctls, CuresEveryFindingWhoseRemedyNamesIt) {
  constexpr const char* kNamed = "start with --set-sysctls";
  const auto names_it = [](const std::string& text) { return text.find(kNamed) != text.npos; };
  for (int events = 0; events <= 2; ++events) {
    for (unsigned chosen = 0; chosen < kCombinations; ++chosen) {
      StartFacts facts = all_well();
      change(facts, chosen);
      facts.events = events;
      Texts left = said_of(facts);
      std::erase_if(left, names_it);
      set_all(facts);
      EXPECT_EQ(said_of(facts), left) << "combination " << chosen << ", events " << events;
    }
  }
}

}  // namespace
}  // namespace natledger
