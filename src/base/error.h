// SPDX-License-Identifier: GPL-2.0-or-later
// The failures that end a command, and the check that ends the process.
//
// Four kinds, four mechanisms: the operator's mistake (ConfigError, exit 2), a refusal by the world
// at start (SystemError, exit 1), the world at run time (a value, never an exception), and our own
// bug (check(), which aborts in every build).
#pragma once

#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>

namespace natledger {

// What the operator wrote and cannot be right. The text names place, mistake and remedy.
class ConfigError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// What the system refused: "attempt: cause (remedy)".
class SystemError : public std::runtime_error {
 public:
  // `cause` is an errno value; `remedy` may be empty.
  SystemError(std::string_view attempt, int cause, std::string_view remedy = {});
  explicit SystemError(const std::string& text) : std::runtime_error(text) {}
};

// Returns `result`, or throws a SystemError made of `attempt` and errno when it is negative.
int check_call(std::string_view attempt, int result, std::string_view remedy = {});

// The text of an errno value, safe with threads.
std::string error_text(int cause);

[[noreturn]] void abort_for_bug(const char* what, std::source_location where);

// Aborts with the place and `what` when `holds` is false: a bug of ours, so it stays on in release.
inline void check(bool holds, const char* what,
                  std::source_location where = std::source_location::current()) {
  if (!holds) [[unlikely]] {
    abort_for_bug(what, where);
  }
}

}  // namespace natledger
