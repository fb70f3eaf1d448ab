// SPDX-License-Identifier: GPL-2.0-or-later
#include "lookup/audit.h"

#include <fcntl.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "base/error.h"
#include "base/file.h"
#include "base/json_text.h"
#include "lookup/answer_text.h"

namespace natledger {

namespace {

// The person behind sudo, else the user.
std::string asker() {
  if (const char* sudo = std::getenv("SUDO_USER"); sudo != nullptr && *sudo != '\0') return sudo;
  const passwd* user = ::getpwuid(::getuid());
  return user != nullptr ? user->pw_name : "uid " + std::to_string(::getuid());
}

// Returns why not, or an empty text.
std::string write_audit(const std::string& state_directory, const Answer& answer) {
  const std::string path = state_directory + "/audit.json";
  const UniqueFd fd{::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640)};
  if (!fd) return "open " + path + ": " + error_text(errno);
  const Question& question = answer.question;
  const std::string server =
      answer.source.empty() ? "" : ", \"source\": " + json_string(answer.source);
  const std::string line = "{\"@timestamp\": " + json_string(utc_text(now())) +
                           ", \"asked_by\": " + json_string(asker()) +
                           ", \"question\": " + json_string(question.text()) +
                           ", \"case\": " + json_string(question.case_text) + server +
                           ", \"verdict\": " + json_string(verdict_name(answer.verdict)) + "}\n";
  if (!write_whole(fd.get(), line) || ::fdatasync(fd.get()) < 0) {
    return "write " + path + ": " + error_text(errno);
  }
  return {};
}

}  // namespace

int give_answer(const std::string& state_directory, const Answer& answer, bool json) {
  const std::string not_audited = write_audit(state_directory, answer);
  if (!not_audited.empty()) {
    std::fprintf(stderr, "natledger: this question is not in the audit log: %s\n",
                 not_audited.c_str());
  }
  const std::string text = json ? answer_json(answer) : answer_text(answer);
  std::fputs(text.c_str(), stdout);
  return static_cast<int>(answer.verdict);
}

}  // namespace natledger
