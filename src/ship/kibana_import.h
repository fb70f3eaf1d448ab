// SPDX-License-Identifier: GPL-2.0-or-later
// Gives saved objects to Kibana or OpenSearch Dashboards.
#pragma once

#include <string>

#include "ship/http.h"

namespace natledger {

struct Imported {
  int objects = 0;
  int renamed = 0;  // of these, under an id of the server's, since another space has theirs
};

// Replaces those of the same ids. `objects`: NDJSON. Throws ConfigError when `url` is none,
// SystemError when the server does not take them all.
Imported import_saved_objects(const std::string& url, HttpOptions options,
                              const std::string& objects);

}  // namespace natledger
