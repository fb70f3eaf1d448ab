// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/own_traffic.h"

#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <utility>

#include "base/handle.h"
#include "base/socket_address.h"

namespace natledger {

OwnTraffic::OwnTraffic(const std::string& state, std::function<bool(const IpAddress&)> is_local)
    : told_(state), is_local_(std::move(is_local)) {
  look();
}

bool OwnTraffic::has(const Flow& flow, TimePoint at) {
  // Messages that were read together have one instant: one look is enough for them.
  if (at != looked_for_) {
    looked_for_ = at;
    if (told_.count() != count_) look();
  }
  const Leg& orig = flow.orig;
  if (!ports_.test(orig.source_port) || orig.protocol != IPPROTO_TCP) return false;
  const OwnConnection wanted{orig.source, orig.target, orig.source_port, orig.target_port};
  return std::ranges::find(connections_, wanted) != connections_.end();
}

void OwnTraffic::look() {
  // First: what is told meanwhile is looked for again.
  count_ = told_.count();
  connections_ = told_.read();
  std::erase_if(connections_, [this](const auto& told) { return !is_local_(told.source); });
  ports_.reset();
  for (const OwnConnection& told : connections_) ports_.set(told.source_port);
}

bool is_local_address(const IpAddress& address) {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return false;
  const Handle<ifaddrs, ::freeifaddrs> owner{list};
  for (const ifaddrs* each = list; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr != nullptr && endpoint_of(*each->ifa_addr).address == address) return true;
  }
  return false;
}

}  // namespace natledger
