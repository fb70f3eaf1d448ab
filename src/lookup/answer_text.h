// SPDX-License-Identifier: GPL-2.0-or-later
// An answer in words, and for programs.
#pragma once

#include <string>

#include "lookup/who.h"

namespace natledger {

// Several lines, ending in '\n': the flows, then the verdict and its reasons.
std::string answer_text(const Answer& answer);

// One JSON object on one line, ending in '\n'.
std::string answer_json(const Answer& answer);

// "one-host", "nobody", "several-hosts", "cannot-say", "one-host-not-sure".
std::string verdict_name(Verdict verdict);

}  // namespace natledger
