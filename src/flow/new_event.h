// SPDX-License-Identifier: GPL-2.0-or-later
// What the state of the entry in a NEW event tells of the flow: the kernel makes an ordinary one
// with the flow's first packet.
#pragma once

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>

#include "flow/flow.h"

namespace natledger {

// Said again by the kernel, when a reliable socket of somebody was full at the first time.
// Then the reply has mostly been seen; a flow that has really just begun is recorded twice rather
// than never.
inline bool has_been_told(const Flow& flow) { return (flow.status & IPS_SEEN_REPLY) != 0; }

// The kernel took over a connection that was under way (nf_conntrack_tcp_loose), or was
// given an entry (conntrackd). A first packet that is let through makes the entry, so an ordinary
// one has not seen an answer.
inline bool is_picked_up(const Flow& flow) {
  const bool handshake =
      flow.tcp_state <= TCP_CONNTRACK_SYN_RECV || flow.tcp_state == TCP_CONNTRACK_SYN_SENT2;
  return has_been_told(flow) || !handshake;
}

}  // namespace natledger
