// SPDX-License-Identifier: GPL-2.0-or-later
// Which connections natledger-ship makes, told to the agent before they are made: so that the
// record does not feed on what carries it (ulogd2's does).
//
//   <state>/connections/own: the magic, how many were ever told, and the last kSlots of them,
//   each in the slot of its number. Little-endian as the machine is; no copy leaves it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "base/unique_fd.h"

namespace natledger {

// A TCP connection as its maker sees it.
struct OwnConnection {
  IpAddress source;
  IpAddress target;
  uint16_t source_port = 0;
  uint16_t target_port = 0;

  bool operator==(const OwnConnection&) const = default;
};

std::string own_connections_folder(const std::string& state);

class OwnConnections {
 public:
  static constexpr uint64_t kSlots = 1024;

  // Opens or makes the file. Throws SystemError.
  explicit OwnConnections(const std::string& state);

  // Several processes may add. Throws SystemError.
  void add(const OwnConnection& connection);

  // How many were ever added; one system call.
  uint64_t count() const;
  // The last ones; one that is just being written may be wrong, and count() changes behind it.
  std::vector<OwnConnection> read() const;

 private:
  const std::string path_;
  UniqueFd fd_;
};

}  // namespace natledger
