// SPDX-License-Identifier: GPL-2.0-or-later
// What a run needs of the kernel: the facts read, and the pure judgement over them.
//
// Apart, because no one machine can show every case: a kernel without modules cannot lack one, a
// kernel without flowtables has none that does not count.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernel/clock.h"

namespace natledger {

enum class RulesUse : uint8_t {
  kUnknown,  // cannot be seen from here
  kNo,       // rules were read, and none makes the kernel track connections
  kYes,
};

struct StartFacts {
  bool net_admin = false;  // CAP_NET_ADMIN, effective
  // Whether ctnetlink answers, after its module was asked for.
  bool ctnetlink = false;
  unsigned kernel_major = 0;
  unsigned kernel_minor = 0;
  std::string kernel_release;
  // net.netfilter.nf_conntrack_*, nothing where the key does not exist.
  std::optional<int> acct;
  std::optional<int> timestamp;
  std::optional<int> events;
  std::optional<uint64_t> tracked;  // nf_conntrack_count
  RulesUse rules = RulesUse::kUnknown;
  std::vector<std::string> flowtables_without_counter;
  std::optional<ClockState> clock;
};

// Reads them in the caller's network namespace. Never throws: what cannot be read stays unknown.
StartFacts read_start_facts();
// False where nf_conntrack_events is 0: it may be set at any time.
bool sends_events();

struct Finding {
  bool fatal;  // the run cannot begin
  std::string text;
};

// Errors first, then warnings, each with its remedy.
std::vector<Finding> judge(const StartFacts& facts);

// What must be said when the kernel gave the event socket less buffer than was asked for; nothing
// when it did not. `got_bytes` is the socket's own account: twice what it was given.
std::optional<std::string> judge_receive_buffer(uint64_t asked_bytes, uint64_t got_bytes);

// What --set-sysctls has to change: accounting, timestamps and events that are there and not 1.
struct SysctlChange {
  std::string key;  // "net.netfilter.nf_conntrack_acct"
  int present;      // what it is; it becomes 1

  bool operator==(const SysctlChange&) const = default;
};
std::vector<SysctlChange> sysctls_to_set(const StartFacts& facts);

// Makes those changes. Returns "net.netfilter.nf_conntrack_acct: 0 -> 1" for each; throws
// SystemError when one is refused.
std::vector<std::string> set_sysctls(const StartFacts& facts);

}  // namespace natledger
