// SPDX-License-Identifier: GPL-2.0-or-later
// What the ledger itself reads in a line: whether it is one, its number, its time.
//
// A line is what ends in '\n'. After a kill or a power cut the last one may be a torn half, ended
// by us with a '\n', or zeros; such a thing is no record and is never made into one.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/time.h"

namespace natledger {

inline constexpr uint64_t kMostSequence = (uint64_t{1} << 62) - 1;

// `line` without its '\n'. The number, or 0 when it is no whole record.
uint64_t sequence_of(std::string_view line);

// Whether the braces and quotes of `line` close: told exactly, where a quick look is not enough.
bool is_closed_object(std::string_view line);

// The line's @timestamp, or the zero instant.
TimePoint time_of(std::string_view line);

// Of an inferred start: when the flow was found, which is later than the line's @timestamp. The
// zero instant for other lines.
TimePoint inferred_at(std::string_view line);

// "<ledger id>-<epoch>-<sequence>" of the line, or nothing.
std::string_view id_of(std::string_view line);

// What stands behind a key, which is given with its quotes and its colon: a text without escapes,
// or nothing; a whole number, or 0.
std::string_view text_in(std::string_view line, std::string_view quoted_key);
uint64_t number_in(std::string_view line, std::string_view quoted_key);

}  // namespace natledger
