// SPDX-License-Identifier: GPL-2.0-or-later
// A question as a link to the dashboard that shows what bears on it: the flows that may have been
// there then, and the holes that touch that time, which no other query would let through.
#pragma once

#include <string>

#include "lookup/who.h"

namespace natledger {

// Of the option that asks for one, for both programs that have it.
inline constexpr const char* kKibanaHelp =
    "the address of a Kibana: end with the link to what it has on the question";

// `url`: of the front end, with the path of a space if there is one; empty: no link is wanted.
// Throws ConfigError when it is none.
std::string kibana_link(const std::string& url, const Answer& answer);

}  // namespace natledger
