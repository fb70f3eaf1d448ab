// SPDX-License-Identifier: GPL-2.0-or-later
// The flows that the generator makes: each number has one, told from all others by its source.
#pragma once

#include <cstdint>
#include <span>
#include <string>

struct nf_conntrack;

namespace natledger {

enum class Nat : uint8_t { kNone, kSource, kTarget, kBoth };
enum class ZoneOf : uint8_t { kBoth, kOrig, kReply };

struct FlowKind {
  const char* name;
  uint8_t family;
  uint8_t protocol;
  Nat nat = Nat::kNone;
  uint32_t mark = 0;
  uint16_t zone = 0;
  const char* helper = nullptr;
  int label = -1;
  ZoneOf zone_of = ZoneOf::kBoth;
};

// Of every family, protocol and translation that an entry can have without a packet.
std::span<const FlowKind> flow_kinds();

// Fills `flow`, fresh from nfct_new(). `number` is less than 2^24. The reply direction and the
// translation are what the kernel needs to make the entry.
void fill_flow(const FlowKind& kind, uint32_t number, nf_conntrack* flow);

// The source address of fill_flow()'s original direction.
std::string source_text(const FlowKind& kind, uint32_t number);

}  // namespace natledger
