// SPDX-License-Identifier: GPL-2.0-or-later
// The program's own log: what an operator reads, one line a message.
//
// error: records are lost or somebody must act. warning: something is not as it should be.
// info: what the agent does. Text is made by the caller; this only levels and writes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"

namespace natledger {

enum class LogLevel : uint8_t { kInfo, kWarning, kError };

struct LogOptions {
  std::string level = "info";
  std::string to = "stderr";  // or a file's path, appended to
};

// Call before threads start. Throws SystemError when the file cannot be opened.
void open_log(const LogOptions& options);
// At any time.
void set_log_level(const std::string& level);

void log(LogLevel level, std::string_view text);
inline void log_info(std::string_view text) { log(LogLevel::kInfo, text); }
inline void log_warning(std::string_view text) { log(LogLevel::kWarning, text); }
inline void log_error(std::string_view text) { log(LogLevel::kError, text); }

// Lets one message of a kind through every ten seconds and counts the others, so that a fault that
// repeats 100,000 times a second does not become the second fault. One thread only.
class LogThrottle {
 public:
  // Whether to log now; `suppressed` is then how many were held back since the last one.
  bool pass(TimePoint at, uint64_t& suppressed);

 private:
  TimePoint last_;
  uint64_t held_back_ = 0;
};

}  // namespace natledger
