// SPDX-License-Identifier: GPL-2.0-or-later
// natledger: every NAT translation of a gateway, recorded; and the answer to who was behind one.
//
//   kernel -> decode -> track -> enrich -> encode -> ledger -> who
//
// src/README.md walks one event through it.
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include "cli/command.h"

namespace {

// A standard stream that is closed would be the number of the next file opened, such as the ledger,
// and what is said would be written into it.
void open_standard_streams() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    const int flags = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;  // so that its use fails
    if (::fcntl(fd, F_GETFD) < 0 && ::open("/dev/null", flags) != fd) std::abort();
  }
}

}  // namespace

int main(int argc, char** argv) {
  open_standard_streams();
  return natledger::run_command_line(argc, argv);
}
