// SPDX-License-Identifier: GPL-2.0-or-later
// What is asked: who was behind this public address, at that time?
#pragma once

#include <optional>
#include <span>
#include <string>

#include "base/ip_address.h"
#include "base/time.h"

namespace natledger {

struct Question {
  Endpoint address;  // as the outside saw it; without a port every flow of the address is meant
  TimePoint at;
  Duration skew = std::chrono::seconds{2};  // how far the asker's clock may be off
  std::optional<int> protocol;              // IANA number
  std::optional<Endpoint> remote;           // the other end, with or without a port
  std::string case_text;                    // goes into the audit log

  // "1.2.3.4:53500", "2026-11-22T12:27:04.000000Z": as the answer repeats it.
  std::string text() const;
};

// Throws ConfigError when a part is malformed. `skew` empty: the default.
struct QuestionText {
  std::string address;
  std::string at;
  std::string skew;
  std::string protocol;
  std::string remote;
  std::string case_text;
};
Question parse_question(const QuestionText& text);

// A question's parts as options of a command line, for both programs that have one.
struct QuestionOption {
  const char* name;
  const char* help;
  std::string QuestionText::*part;
  bool required = false;
};
std::span<const QuestionOption> question_options();
inline constexpr const char* kWhoExitStatuses =
    "Exit status: 0 one host; 1 nobody; 2 malformed question; 3 several hosts; 4 cannot say; "
    "5 one host, not sure; 6 could not look.";

}  // namespace natledger
