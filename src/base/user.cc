// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/user.h"

#include <pwd.h>
#include <unistd.h>

namespace natledger {

std::string user_name() {
  const passwd* user = ::getpwuid(::geteuid());
  return user != nullptr ? user->pw_name : std::to_string(::geteuid());
}

}  // namespace natledger
