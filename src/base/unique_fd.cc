// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/unique_fd.h"

#include <unistd.h>

namespace natledger {

UniqueFd::~UniqueFd() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace natledger
