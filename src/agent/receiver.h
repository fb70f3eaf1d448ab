// SPDX-License-Identifier: GPL-2.0-or-later
// The thread that keeps the kernel's socket empty and does nothing else.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

#include "base/unique_fd.h"
#include "kernel/event_ring.h"
#include "kernel/event_socket.h"

namespace natledger {

class Receiver {
 public:
  // Starts the thread. `socket`, `ring` and `unread` outlive it: whether nobody reads the ring any
  // more. `failed` is called, on that thread, when the socket is broken for good.
  Receiver(EventSocket& socket, EventRing& ring, const std::atomic<bool>& unread,
           std::function<void(const char*)> failed);
  // Ends the thread if it still runs, without waiting for room in the ring.
  ~Receiver();

  // Reads on to the end of what is queued, puts kEnd into the ring, joins.
  void stop();

 private:
  void run();
  bool wait_for_events();
  void nap() const;

  EventSocket& socket_;
  EventRing& ring_;
  const std::atomic<bool>& unread_;
  std::function<void(const char*)> failed_;
  UniqueFd stop_fd_;
  std::atomic<bool> abandoned_{false};
  std::thread thread_;
};

}  // namespace natledger
