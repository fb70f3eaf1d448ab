// SPDX-License-Identifier: GPL-2.0-or-later
// Tells flows of natledger-ship's own connections from others: by what it says of each before it
// makes it, never by where it goes.
#pragma once

#include <bitset>
#include <functional>
#include <vector>

#include "flow/flow.h"
#include "ledger/own_connections.h"

namespace natledger {

class OwnTraffic {
 public:
  // `is_local`: whether this machine has that address. Others are not believed, so that nobody who
  // can write the table hides a flow of somebody else. Throws SystemError.
  OwnTraffic(const std::string& state, std::function<bool(const IpAddress&)> is_local);

  // For a message that was read from the socket at `at`: what was told by then counts.
  bool has(const Flow& flow, TimePoint at);

 private:
  void look();

  const OwnConnections told_;
  const std::function<bool(const IpAddress&)> is_local_;
  TimePoint looked_for_;
  uint64_t count_ = 0;
  std::bitset<1 << 16> ports_;  // source ports of connections_
  std::vector<OwnConnection> connections_;
};

// Whether an interface has it.
bool is_local_address(const IpAddress& address);

}  // namespace natledger
