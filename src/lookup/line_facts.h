// SPDX-License-Identifier: GPL-2.0-or-later
// What the index wants to know of a line, read from it.
#pragma once

#include <cstdint>
#include <string_view>

#include "ledger/index_line.h"

namespace natledger {

// A flow line as the encoder writes it is read without a parser of JSON, which takes ten times as
// long; any other by parse_record().
void read_line_facts(std::string_view line, uint64_t sequence, LineFacts& facts);

// By parse_record() alone.
void parse_line_facts(std::string_view line, uint64_t sequence, LineFacts& facts);

}  // namespace natledger
