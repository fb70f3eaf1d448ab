// SPDX-License-Identifier: GPL-2.0-or-later
// The field table as Elasticsearch reads it.
#pragma once

#include <string>

namespace natledger {

// The `properties` of a mapping, a JSON object: every key typed, ECS names as aliases.
std::string elastic_properties();

}  // namespace natledger
