// SPDX-License-Identifier: GPL-2.0-or-later
// Several hosts of one cluster: the one that works is kept, one that does not is left alone for a
// while.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "ship/http.h"

namespace natledger {

class Hosts {
 public:
  // Throws ConfigError or SystemError.
  Hosts(const std::vector<std::string>& urls, const HttpOptions& options);

  // One that may be asked at `at`; none while every one is left alone, until free_at().
  HttpClient* choose(TimePoint at);
  TimePoint free_at() const;
  // How the one that was chosen last did.
  void succeeded();
  void failed(TimePoint at);

 private:
  struct Host {
    HttpClient client;
    unsigned failures = 0;  // one after the other
    TimePoint closed_until;
  };

  std::vector<Host> hosts_;
  size_t current_ = 0;
};

}  // namespace natledger
