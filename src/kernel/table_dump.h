// SPDX-License-Identifier: GPL-2.0-or-later
// The kernel's conntrack table, read on a socket of its own.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

#include "base/error.h"

namespace natledger {

using MessageVisit = std::function<void(std::span<const std::byte>)>;
// What dump_table() is, for those who are given another table in tests.
using TableDump = std::function<void(const MessageVisit&)>;

// The kernel does not give its table.
class DumpError : public SystemError {
 public:
  using SystemError::SystemError;
};

// Calls `visit(message)` for each entry of the table, IPv4 and IPv6; the message is valid during
// the call and decodes as any event, with Flow::from_dump set. An entry that moves in the kernel's
// hash during the dump may be missed or told twice. Throws DumpError, and what `visit` throws.
void dump_table(const MessageVisit& visit);

}  // namespace natledger
