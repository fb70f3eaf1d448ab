// SPDX-License-Identifier: GPL-2.0-or-later
// Gives saved objects to Kibana or OpenSearch Dashboards.
#pragma once

#include <string>

#include "ship/http.h"

namespace natledger {

// Replaces those of the same ids; how many it took. `objects`: NDJSON. Throws ConfigError when
// `url` is none, SystemError when the server does not take them all.
int import_saved_objects(const std::string& url, HttpOptions options, const std::string& objects);

}  // namespace natledger
