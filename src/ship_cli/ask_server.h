// SPDX-License-Identifier: GPL-2.0-or-later
// Puts a question to the records that a server has. The verdict is made by what judges a ledger.
#pragma once

#include <string>

#include "lookup/who.h"
#include "ship/elasticsearch.h"

namespace natledger {

// `gateway`: an observer's name or a ledger's id; empty: each that ever had a flow behind the
// address, all where none had. Throws ConfigError, or SystemError where the server does not answer
// or has no such gateway.
Answer ask_server(const ElasticsearchOptions& options, const Question& question,
                  const std::string& gateway);

}  // namespace natledger
