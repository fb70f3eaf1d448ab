// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/event_socket.h"

#include <linux/netfilter/nfnetlink_compat.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

#include <array>
#include <bit>
#include <cerrno>

#include "base/error.h"

namespace natledger {

namespace {

// One recvmmsg takes as many events as are there: 1.4 us each instead of 3.2.
constexpr size_t kSlots = 64;
constexpr size_t kSlotBytes = 2048;
static_assert(kSlots * kSlotBytes <= EventRing::kMostGroupBytes);

uint32_t groups_of(uint32_t events) {
  static_assert(NF_NETLINK_CONNTRACK_NEW == kNewEvents &&
                NF_NETLINK_CONNTRACK_UPDATE == kUpdateEvents &&
                NF_NETLINK_CONNTRACK_DESTROY == kDestroyEvents);
  return events;
}

// SO_RCVBUFFORCE goes beyond net.core.rmem_max and needs CAP_NET_ADMIN in the initial user
// namespace; without it, what SO_RCVBUF gives.
size_t force_receive_buffer(int fd, size_t bytes) {
  const int asked = bytes > INT32_MAX / 2 ? INT32_MAX / 2 : static_cast<int>(bytes);
  if (::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &asked, sizeof asked) < 0) {
    ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &asked, sizeof asked);
  }
  int got = 0;
  socklen_t size = sizeof got;
  check_call("read SO_RCVBUF of the netlink socket",
             ::getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &got, &size));
  return static_cast<size_t>(got);
}

// `option` is NETLINK_ADD_MEMBERSHIP or NETLINK_DROP_MEMBERSHIP. False when the kernel refuses.
bool change_groups(int fd, int option, uint32_t events) {
  for (uint32_t rest = groups_of(events); rest != 0; rest &= rest - 1) {
    const int group = std::countr_zero(rest) + 1;
    if (::setsockopt(fd, SOL_NETLINK, option, &group, sizeof group) < 0) return false;
  }
  return true;
}

// Connected to the kernel, which is port 0, the socket takes nothing that another process sends to
// it (ECONNREFUSED, netlink_getsockbyportid). That is cheaper than asking for each sender.
void refuse_processes(int fd) {
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  check_call("connect the netlink socket to the kernel",
             ::connect(fd, reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel));
}

}  // namespace

struct EventSocket::Slots {
  std::array<mmsghdr, kSlots> headers{};
  std::array<iovec, kSlots> vectors{};
  std::array<std::array<std::byte, kSlotBytes>, kSlots> bytes;

  Slots() {
    for (size_t i = 0; i < kSlots; ++i) {
      vectors[i] = {bytes[i].data(), kSlotBytes};
      headers[i].msg_hdr.msg_iov = &vectors[i];
      headers[i].msg_hdr.msg_iovlen = 1;
    }
  }

  int receive(int fd) {
    return ::recvmmsg(fd, headers.data(), kSlots, MSG_DONTWAIT | MSG_TRUNC, nullptr);
  }
};

EventSocket::EventSocket(uint32_t events, size_t receive_buffer_bytes)
    : fd_(check_call("open netlink socket",
                     ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER),
                     "is CONFIG_NETFILTER_NETLINK in this kernel?")),
      slots_(std::make_unique<Slots>()),
      subscribed_(events),
      wanted_(events) {
  set_receive_buffer(receive_buffer_bytes);
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = groups_of(events);
  check_call("subscribe to conntrack events",
             ::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
             "needs CAP_NET_ADMIN");
  refuse_processes(fd_.get());
  subscribed_at_ = now();
}

EventSocket::~EventSocket() = default;

Received EventSocket::receive(EventRing& ring) {
  if (!ring.has_room()) {
    held_up_ = true;
    return Received::kNoRoom;
  }
  const uint64_t epoch = epoch_;
  const TimePoint before = now();
  const int count = slots_->receive(fd_.get());
  if (count < 0) {
    if (errno == EAGAIN) return drained(ring, before, epoch);
    if (errno == ENOBUFS) overrun_ = true;
    if (errno == ENOBUFS || errno == EINTR) return Received::kSome;
    throw SystemError("receive conntrack events", errno);
  }
  const TimePoint at = now();
  for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
    const size_t bytes = slots_->headers[i].msg_len;
    if (bytes > kSlotBytes) {
      ring.push_mark(RingEntry::Kind::kOversize, at, bytes);
    } else {
      ring.push_datagram(at, {slots_->bytes[i].data(), bytes});
    }
  }
  ring.publish();
  return Received::kSome;
}

// The queue was found empty by a call that began at `before`.
Received EventSocket::drained(EventRing& ring, TimePoint before, uint64_t epoch) {
  if (overrun_) {
    const uint32_t drops = kernel_drops();
    const auto kind = held_up_ ? RingEntry::Kind::kReaderTooSlow : RingEntry::Kind::kOverrun;
    ring.push_mark(kind, now(), drops - drops_seen_);
    drops_seen_ = drops;
    overrun_ = false;
  }
  held_up_ = false;
  ring.push_mark(RingEntry::Kind::kDrained, before, epoch);
  ring.publish();
  return Received::kDrained;
}

uint64_t EventSocket::subscribe(uint32_t events) {
  const std::lock_guard lock{subscription_mutex_};
  const uint32_t more = events & ~subscribed_;
  subscribed_ |= events;
  if (!change_groups(fd_.get(), NETLINK_ADD_MEMBERSHIP, more)) {
    throw SystemError("subscribe to more conntrack events", errno);
  }
  wanted_ = events;
  wanted_since_ = begin_epoch();
  return wanted_since_;
}

void EventSocket::settle(uint64_t epoch) {
  const std::lock_guard lock{subscription_mutex_};
  if (epoch != wanted_since_) return;
  // Were it refused, they would come and be passed over, as the counts say.
  if (change_groups(fd_.get(), NETLINK_DROP_MEMBERSHIP, subscribed_ & ~wanted_)) {
    subscribed_ = wanted_;
  }
}

void EventSocket::set_receive_buffer(size_t bytes) {
  receive_buffer_bytes_ = force_receive_buffer(fd_.get(), bytes);
}

uint32_t EventSocket::kernel_drops() const {
  std::array<uint32_t, SK_MEMINFO_VARS> info{};
  socklen_t size = sizeof info;
  // Since Linux 4.12; before it a gap's count is unknown.
  if (::getsockopt(fd_.get(), SOL_SOCKET, SO_MEMINFO, info.data(), &size) < 0) return 0;
  return info[SK_MEMINFO_DROPS];
}

}  // namespace natledger
