// SPDX-License-Identifier: GPL-2.0-or-later
// What the packet filter's rules mean for connection tracking, read from nf_tables.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kernel/start_facts.h"

namespace natledger {

// Connections are tracked only where some rule asks for it. Looks at every nf_tables rule, those of
// iptables-nft included, and at the tables of the old iptables.
RulesUse rules_use_conntrack();

// "inet filter/ft": the flowtables without the `counter` flag (Linux 5.7).
std::vector<std::string> flowtables_without_counter();

// The judgement of one message of such a dump, netlink header included.
bool rule_uses_conntrack(std::span<const std::byte> message);
// The flowtable's name as above; nothing when it counts.
std::optional<std::string> flowtable_without_counter(std::span<const std::byte> message);

}  // namespace natledger
