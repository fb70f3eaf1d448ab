// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/become_ship.h"

#include <unistd.h>

#include <cerrno>

#include "agent/ship_process.h"
#include "base/argv.h"
#include "base/error.h"

namespace natledger {

int become_ship(std::vector<std::string> words) {
  words.insert(words.begin(), ship_program());
  const std::vector<char*> argv = argv_of(words);
  ::execvp(argv[0], argv.data());
  throw SystemError("start " + words[0], errno, "it belongs beside natledger");
}

}  // namespace natledger
