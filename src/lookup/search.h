// SPDX-License-Identifier: GPL-2.0-or-later
// Puts a question to a ledger: through its indexes, or to every line where they do not reach.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/time.h"
#include "lookup/question.h"
#include "lookup/who.h"

namespace natledger {

// `covered_to` and `asked_at` as Inquiry::answer() has them; `progress` is told the number of a
// line now and then. Throw SystemError when there is no ledger or it cannot be read.
struct Asking {
  std::string directory;
  TimePoint covered_to;
  TimePoint asked_at;
  std::function<void(uint64_t sequence)> progress;
};
Answer ask_ledger(const Asking& asking, const Question& question);

// The two ways, which give the same answer. Nothing, or SystemError, where the indexes do not
// reach.
std::optional<Answer> ask_by_index(const Asking& asking, const Question& question);
Answer ask_line_by_line(const Asking& asking, const Question& question);

}  // namespace natledger
