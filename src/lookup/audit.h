// SPDX-License-Identifier: GPL-2.0-or-later
// The audit log: who asked what, written before the answer is given.
#pragma once

#include <string>

#include "lookup/who.h"

namespace natledger {

// Appends one JSON line to <state>/audit.json. Returns why not, or an empty text.
std::string write_audit(const std::string& state_directory, const Answer& answer);

}  // namespace natledger
