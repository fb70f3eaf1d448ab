// SPDX-License-Identifier: GPL-2.0-or-later
// Saved objects for Kibana 7.10 to 9 and OpenSearch Dashboards 2 and 3: one file for all.
//
// What is hard about it is that a mistake is imported without a word and shows as an empty panel.
// So only four types of objects are used, with no attribute and no version that the oldest of these
// does not know; tests/kibana has the checks.
#pragma once

#include <string>

namespace natledger {

// NDJSON, a line an object. `indices`: what is looked at, such as "logs-conntrack.nat-*".
std::string kibana_objects(const std::string& indices);

}  // namespace natledger
