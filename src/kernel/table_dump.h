// SPDX-License-Identifier: GPL-2.0-or-later
// The kernel's conntrack table, read on a socket of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
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

// How many buckets the kernel's hash has now (nf_conntrack_buckets); nothing where that cannot be
// read. A dump that saw it change may have missed any number of entries: a resize hid 185,767 of
// 500,000 (Linux 6.18).
std::optional<uint64_t> count_buckets();
using BucketCount = std::function<std::optional<uint64_t>()>;

}  // namespace natledger
