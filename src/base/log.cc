// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/log.h"

#include <cerrno>
#include <memory>

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "base/error.h"

namespace natledger {

namespace {

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      break;
  }
  return spdlog::level::err;
}

spdlog::level::level_enum level_named(const std::string& name) {
  return spdlog::level::from_str(name == "warning" ? "warn" : name);
}

spdlog::sink_ptr sink_to(const std::string& where) {
  if (where == "stderr") return std::make_shared<spdlog::sinks::stderr_sink_mt>();
  try {
    return std::make_shared<spdlog::sinks::basic_file_sink_mt>(where);
  } catch (const spdlog::spdlog_ex& failure) {
    throw SystemError(std::string{"open log: "} + failure.what() + " (see log.to)");
  }
}

// The messages go to standard error until open_log() says otherwise.
std::shared_ptr<spdlog::logger> make_logger(const LogOptions& options) {
  auto logger =
      std::make_shared<spdlog::logger>(program_invocation_short_name, sink_to(options.to));
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%f%z %n[%P] %l: %v");
  logger->set_level(level_named(options.level));
  logger->flush_on(spdlog::level::debug);
  return logger;
}

std::shared_ptr<spdlog::logger>& logger() {
  static std::shared_ptr<spdlog::logger> instance = make_logger({});
  return instance;
}

constexpr Duration kQuiet = std::chrono::seconds{10};

}  // namespace

void open_log(const LogOptions& options) { logger() = make_logger(options); }

void set_log_level(const std::string& level) { logger()->set_level(level_named(level)); }

void log(LogLevel level, std::string_view text) {
  logger()->log(level_of(level), spdlog::string_view_t{text.data(), text.size()});
}

bool LogThrottle::pass(TimePoint at, uint64_t& suppressed) {
  // A clock that was set back does not make it longer.
  if (last_.known() && at >= last_ && at < last_ + kQuiet) {
    ++held_back_;
    return false;
  }
  last_ = at;
  suppressed = held_back_;
  held_back_ = 0;
  return true;
}

}  // namespace natledger
