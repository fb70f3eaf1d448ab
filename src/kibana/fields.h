// SPDX-License-Identifier: GPL-2.0-or-later
// The field table as an index pattern has it.
//
// A pattern without its list of fields looks for them when it is first opened, in every panel at
// once, and some of these then say that there is no data. A field that is not in the list is an
// error in a panel, so the list is complete, with the aliases.
#pragma once

#include <string>

namespace natledger {

// A JSON array: an entry a key, alias, and field of the server's own.
std::string kibana_fields();

// A JSON object: how numbers are shown. Without it a port reads 8,443.
std::string kibana_formats();

}  // namespace natledger
