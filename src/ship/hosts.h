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

  // One that does not rest at `at`; where all do, the one whose rest ends first: how seldom a
  // cluster that is away is asked is for the caller's backoff to say.
  HttpClient& choose(TimePoint at);
  // How the one that was chosen last did.
  void succeeded();
  void failed(TimePoint at);

  // For those that ask once: of the hosts, from the one that answered last on, the first answer
  // that does not say that it is in trouble; else the last one.
  HttpAnswer ask(const HttpRequest& request);
  // The one that was asked last.
  const std::string& shown_url() const { return hosts_[current_].client.shown_url(); }

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
