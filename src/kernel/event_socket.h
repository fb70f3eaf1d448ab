// SPDX-License-Identifier: GPL-2.0-or-later
// The kernel's conntrack events: one netlink socket, subscribed to the groups asked for.
//
// One socket for all groups, since several would lose the order of NEW and DESTROY. In the default
// mode received + dropped = emitted, exactly: on ENOBUFS nothing more is queued until the queue is
// empty, so the socket is read to EAGAIN first and the kernel's drop counter after that; what was
// queued precedes the gap and what comes next follows it. (Measured on Linux 6.18; the queue's rule
// is netlink_attachskb's NETLINK_S_CONGESTED.)
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>

#include "base/unique_fd.h"
#include "kernel/event_source.h"

namespace natledger {

// Bits of ulogd2's event_mask.
inline constexpr uint32_t kNewEvents = 1;
inline constexpr uint32_t kUpdateEvents = 2;
inline constexpr uint32_t kDestroyEvents = 4;

class EventSocket final : public EventSource {
 public:
  // Subscribes; from then on every event is received or counted as dropped. `receive_buffer_bytes`
  // is what is asked for; the kernel doubles it, and an event costs it 1,280 bytes. Throws
  // SystemError.
  EventSocket(uint32_t events, size_t receive_buffer_bytes);
  ~EventSocket() override;

  Received receive(EventRing& ring) override;

  // For poll(); readable when receive() would find something.
  int fd() const { return fd_.get(); }
  // When the subscription began.
  TimePoint subscribed_at() const { return subscribed_at_; }
  // The receive buffer in the kernel's own accounting.
  size_t receive_buffer_bytes() const { return receive_buffer_bytes_; }

  // From any thread, while another receives. What is done before begin_epoch() is in force at each
  // kDrained mark that counts at least what it returns.
  uint64_t begin_epoch() { return epoch_.fetch_add(1) + 1; }
  // Subscribes to `events` too, in a new epoch, which is returned. Others still come until settle()
  // is called with that epoch; with an older one it does nothing. Throws SystemError.
  uint64_t subscribe(uint32_t events);
  void settle(uint64_t epoch);
  // As the constructor.
  void set_receive_buffer(size_t bytes);

  // What the kernel has dropped on this socket so far, modulo 2^32.
  uint32_t kernel_drops() const;

 private:
  struct Slots;

  Received drained(EventRing& ring, TimePoint before, uint64_t epoch);

  UniqueFd fd_;
  std::unique_ptr<Slots> slots_;
  TimePoint subscribed_at_;
  std::atomic<size_t> receive_buffer_bytes_{0};
  std::atomic<uint64_t> epoch_{0};
  std::mutex subscription_mutex_;
  uint32_t subscribed_ = 0;
  uint32_t wanted_ = 0;
  uint64_t wanted_since_ = 0;
  bool overrun_ = false;     // ENOBUFS was read, its mark is due at the next EAGAIN
  bool held_up_ = false;     // by a full ring, since the last EAGAIN
  uint32_t drops_seen_ = 0;  // already told in a mark
};

}  // namespace natledger
