// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/wakeups.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>

#include "base/error.h"

namespace natledger {

Wakeups::Wakeups(const sigset_t& signals)
    : signals_(check_call("make signalfd", ::signalfd(-1, &signals, SFD_CLOEXEC))) {}

Wakeup Wakeups::next() {
  for (;;) {
    std::array<pollfd, 2> fds{{{signals_.get(), POLLIN, 0}, {clock_.fd(), POLLIN, 0}}};
    if (::poll(fds.data(), fds.size(), -1) < 0) continue;  // interrupted
    if (fds[1].revents != 0 && clock_.was_set()) return Wakeup::kClockSet;
    if (fds[0].revents == 0) continue;
    signalfd_siginfo signal{};
    if (::read(signals_.get(), &signal, sizeof signal) != sizeof signal) continue;
    return signal.ssi_signo == SIGHUP ? Wakeup::kReload : Wakeup::kStop;
  }
}

}  // namespace natledger
