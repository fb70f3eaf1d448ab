// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/become_ship.h"

#include <unistd.h>

#include <cerrno>

#include "agent/ship_process.h"
#include "base/error.h"

namespace natledger {

int become_ship(std::vector<std::string> words) {
  std::vector<char*> argv;
  words.insert(words.begin(), ship_program());
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::execvp(argv[0], argv.data());
  throw SystemError("start " + words[0], errno, "it belongs beside natledger");
}

}  // namespace natledger
