// SPDX-License-Identifier: GPL-2.0-or-later
// The C library's socket addresses as ours.
#pragma once

#include "base/ip_address.h"

struct sockaddr;

namespace natledger {

// No address and no port for another family than IPv4 and IPv6.
Endpoint endpoint_of(const sockaddr& address);

// The address and port of a socket's own end; no address where it has none.
Endpoint own_endpoint(int socket);

}  // namespace natledger
