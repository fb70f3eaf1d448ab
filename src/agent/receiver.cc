// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/receiver.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/error.h"

namespace natledger {

namespace {

// After the socket was empty events are let gather: each waking of two threads costs as much as
// ten events. docs/performance.md has the figures.
constexpr std::chrono::microseconds kLongestNap{20'000};
constexpr size_t kEventBytes = 1280;  // what one takes of the receive buffer (Linux 6.18)

// A nap leaves three quarters of the buffer free at a million events a second.
std::chrono::microseconds nap_for(size_t receive_buffer_bytes) {
  const size_t most_events = receive_buffer_bytes / kEventBytes;
  return std::min(kLongestNap, std::chrono::microseconds{most_events / 4});
}

// How often an idle agent says that it has seen all.
constexpr int kIdleMs = 200;

}  // namespace

Receiver::Receiver(EventSocket& socket, EventRing& ring, const std::atomic<bool>& unread,
                   std::function<void(const char*)> failed)
    : socket_(socket),
      ring_(ring),
      unread_(unread),
      failed_(std::move(failed)),
      stop_fd_(check_call("make eventfd", ::eventfd(0, EFD_CLOEXEC))),
      thread_([this] { run(); }) {}

Receiver::~Receiver() {
  abandoned_ = true;
  stop();
}

void Receiver::stop() {
  if (!thread_.joinable()) return;
  const uint64_t one = 1;
  check(::write(stop_fd_.get(), &one, sizeof one) == sizeof one, "an eventfd does not take a 1");
  thread_.join();
}

void Receiver::run() {
  ::pthread_setname_np(::pthread_self(), "receive");
  try {
    bool stopping = false;
    while (!abandoned_ && !unread_) {
      const Received received = socket_.receive(ring_);
      if (received == Received::kNoRoom) nap();
      if (received != Received::kDrained) continue;
      // A stop takes what came before it.
      if (stopping) break;
      stopping = !wait_for_events();
    }
  } catch (const SystemError& failure) {
    failed_(failure.what());
  }
  while (!ring_.has_room()) {
    if (abandoned_ || unread_) return;
    nap();
  }
  ring_.push_mark(RingEntry::Kind::kEnd, now());
  ring_.publish();
}

// Until something is there, or the idle time is over. False when the agent stops.
bool Receiver::wait_for_events() {
  std::array<pollfd, 2> fds{{{socket_.fd(), POLLIN, 0}, {stop_fd_.get(), POLLIN, 0}}};
  const int ready = ::poll(fds.data(), fds.size(), kIdleMs);
  if (ready < 0 && errno != EINTR) throw SystemError("wait for conntrack events", errno);
  if (ready > 0 && fds[1].revents != 0) return false;
  if (ready > 0) nap();
  return true;
}

void Receiver::nap() const { std::this_thread::sleep_for(nap_for(socket_.receive_buffer_bytes())); }

}  // namespace natledger
