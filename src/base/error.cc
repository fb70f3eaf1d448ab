// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/error.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

namespace natledger {

namespace {

std::string refusal(std::string_view attempt, int cause, std::string_view remedy) {
  std::string text{attempt};
  text += ": " + error_text(cause);
  if (!remedy.empty()) text.append(" (").append(remedy).append(")");
  return text;
}

}  // namespace

SystemError::SystemError(std::string_view attempt, int cause, std::string_view remedy)
    : std::runtime_error(refusal(attempt, cause, remedy)) {}

int check_call(std::string_view attempt, int result, std::string_view remedy) {
  if (result < 0) throw SystemError(attempt, errno, remedy);
  return result;
}

std::string error_text(int cause) { return std::system_category().message(cause); }

void abort_for_bug(const char* what, std::source_location where) {
  std::fprintf(stderr, "natledger: bug at %s:%u: %s\n", where.file_name(), where.line(), what);
  std::abort();
}

}  // namespace natledger
