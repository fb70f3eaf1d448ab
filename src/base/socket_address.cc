// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/socket_address.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>

namespace natledger {

Endpoint endpoint_of(const sockaddr& address) {
  Endpoint endpoint;
  if (address.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    std::memcpy(endpoint.address.bytes.data(), &v4.sin_addr, sizeof v4.sin_addr);
    endpoint.address.family = IpAddress::Family::kV4;
    endpoint.port = ntohs(v4.sin_port);
  } else if (address.sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    std::memcpy(endpoint.address.bytes.data(), &v6.sin6_addr, sizeof v6.sin6_addr);
    endpoint.address.family = IpAddress::Family::kV6;
    endpoint.port = ntohs(v6.sin6_port);
  }
  return endpoint;
}

Endpoint own_endpoint(int socket) {
  sockaddr_storage own{};
  socklen_t bytes = sizeof own;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&own), &bytes) != 0) return {};
  return endpoint_of(reinterpret_cast<const sockaddr&>(own));
}

}  // namespace natledger
