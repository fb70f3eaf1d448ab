// SPDX-License-Identifier: GPL-2.0-or-later
// What the kernel translated, told from the two tuples of a flow.
//
// The reply tuple is what comes back, so its destination is the source as the outside saw it, and
// its source is the real destination. Where these are not the original tuple's ends mirrored, the
// kernel translated. ICMP is compared by its id, GRE by its keys.
#pragma once

#include "flow/protocol.h"

namespace natledger {

struct Translation {
  Endpoint outer_source;
  Endpoint real_target;
  bool of_source;
  bool of_target;
};

inline Translation translation_of(const Flow& flow) {
  const Endpoint orig_target = target_of(flow.orig);
  Translation found{target_of(flow.reply), source_of(flow.reply), false, false};
  // An ICMP flow has one id, and only source translation rewrites it.
  if (is_icmp(flow.orig.protocol)) found.real_target.port = orig_target.port;
  found.of_source = found.outer_source != source_of(flow.orig);
  found.of_target = found.real_target != orig_target;
  return found;
}

}  // namespace natledger
