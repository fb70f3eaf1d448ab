// SPDX-License-Identifier: GPL-2.0-or-later
// The audit log: who asked what, written before the answer is given.
#pragma once

#include <string>

#include "lookup/who.h"

namespace natledger {

// Appends one JSON line to <state>/audit.json, then prints the answer; that the line could not be
// written is said. The exit status.
int give_answer(const std::string& state_directory, const Answer& answer, bool json);

}  // namespace natledger
