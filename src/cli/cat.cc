// SPDX-License-Identifier: GPL-2.0-or-later
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/quantity.h"
#include "cli/options.h"
#include "ledger/reader.h"

namespace natledger {

std::function<int()> add_cat(CLI::App& app);

namespace {

constexpr size_t kFlushAt = 256 * 1024;
constexpr auto kPoll = std::chrono::milliseconds{200};
// Where ours begin: ulogd2's line is what stands before.
constexpr std::string_view kOursBegin = ", \"@timestamp\"";

struct CatOptions {
  CommonOptions common;
  std::string directory;
  std::optional<std::string> from;
  std::optional<std::string> to;
  std::string record = "full";
  bool follow = false;
};

uint64_t read_sequence(const char* option, const std::optional<std::string>& text,
                       uint64_t otherwise) {
  if (!text) return otherwise;
  const auto sequence = parse_count(*text);
  if (sequence && *sequence != 0) return *sequence;
  throw ConfigError(std::string{option} + ": \"" + *text +
                    "\" is not a sequence, a whole number from 1");
}

class Printer {
 public:
  explicit Printer(bool ulogd) : ulogd_(ulogd) {}

  void print(std::string_view line) {
    if (ulogd_) {
      const size_t end = line.find(kOursBegin);
      if (end == std::string_view::npos) return;  // a coverage record: ulogd2 has no such thing
      kept_.append(line.substr(0, end)).append("}\n");
    } else {
      kept_.append(line).append("\n");
    }
    if (kept_.size() >= kFlushAt) flush();
  }

  void flush() {
    if (!write_whole(STDOUT_FILENO, kept_)) {
      throw SystemError("write standard output", errno, "make room where it goes");
    }
    kept_.clear();
  }

 private:
  const bool ulogd_;
  std::string kept_;
};

// Whether there were any.
bool say_damages(const std::vector<Damage>& damages) {
  for (const Damage& damage : damages) {
    std::fprintf(stderr, "natledger: passed over a part of %s, byte %llu: %s\n",
                 damage.path.c_str(), static_cast<unsigned long long>(damage.at),
                 damage.what.c_str());
  }
  return !damages.empty();
}

int run_cat(const CatOptions& options) {
  const uint64_t from = read_sequence("--from", options.from, 1);
  const uint64_t to = read_sequence("--to", options.to, UINT64_MAX);
  if (from > to) {
    throw ConfigError("--from " + std::to_string(from) + " is above --to " + std::to_string(to));
  }
  const Config config = options.common.load();
  LedgerReader reader{ledger_directory(config, options.directory)};
  Printer printer{options.record == "ulogd"};
  bool damaged = false;
  const auto print_rest = [&] {
    LedgerLine line;
    while (line.sequence < to && reader.next(line)) {
      if (line.sequence >= from && line.sequence <= to) printer.print(line.text);
    }
    printer.flush();
    damaged = say_damages(reader.take_damages()) || damaged;
    return line.sequence >= to;
  };
  bool complete = print_rest();
  while (options.follow && !complete) {
    if (!reader.advance()) std::this_thread::sleep_for(kPoll);
    complete = print_rest();
  }
  if (reader.torn_lines() != 0) {
    std::fprintf(stderr, "natledger: passed over %llu torn lines\n",
                 static_cast<unsigned long long>(reader.torn_lines()));
  }
  return damaged ? 1 : 0;
}

}  // namespace

std::function<int()> add_cat(CLI::App& app) {
  const auto options = std::make_shared<CatOptions>();
  options->common.add_to(app);
  app.add_option("DIR", options->directory, "the ledger (default: ledger.directory)");
  app.add_option("--from", options->from, "the first sequence");
  app.add_option("--to", options->to, "the last sequence");
  app.add_option("--record", options->record, "full, or ulogd: ulogd2's part of each line")
      ->check(CLI::IsMember({"full", "ulogd"}))
      ->capture_default_str();
  app.add_flag("--follow", options->follow, "print what comes, until --to or Ctrl-C");
  return [options] { return run_cat(*options); };
}

}  // namespace natledger
