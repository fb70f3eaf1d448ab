// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/ship_process.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <system_error>
#include <vector>

#include "base/argv.h"
#include "base/error.h"
#include "base/log.h"

namespace natledger {

namespace {

constexpr std::chrono::milliseconds kFirstPause{1000};
constexpr std::chrono::milliseconds kLongestPause{60'000};
// One that ran for so long was well; its end is no reason for a longer pause.
constexpr std::chrono::seconds kWell{60};
// What it has under way when the agent ends; a cursor goes on where it was.
constexpr int kLastWordsMs = 5000;

std::string end_text(int status) {
  if (WIFSIGNALED(status)) return "was ended by signal " + std::to_string(WTERMSIG(status));
  return "ended with status " + std::to_string(WEXITSTATUS(status));
}

// Runs `words` with no signal blocked or ignored. 0, or an errno value.
int spawn(std::vector<std::string> words, pid_t& pid) {
  const std::vector<char*> argv = argv_of(words);
  posix_spawnattr_t how;
  ::posix_spawnattr_init(&how);
  sigset_t none, ignored;
  sigemptyset(&none);
  sigemptyset(&ignored);
  sigaddset(&ignored, SIGPIPE);
  ::posix_spawnattr_setsigmask(&how, &none);
  ::posix_spawnattr_setsigdefault(&how, &ignored);
  ::posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  const int failed = ::posix_spawnp(&pid, argv[0], nullptr, &how, argv.data(), environ);
  ::posix_spawnattr_destroy(&how);
  return failed;
}

}  // namespace

std::string ship_program() {
  std::string name = "natledger-ship";
  std::error_code failed;
  const auto own = std::filesystem::read_symlink("/proc/self/exe", failed);
  if (failed) return name;
  std::string beside = own.parent_path() / name;
  return ::access(beside.c_str(), X_OK) == 0 ? beside : name;
}

ShipProcess::ShipProcess(const Config& config, const std::optional<std::string>& config_file)
    : config_file_(config_file),
      wakes_(check_call("make an eventfd", ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))) {
  order(config, false);
}

ShipProcess::~ShipProcess() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock{mutex_};
    orders_.stop = true;
  }
  ::eventfd_write(wakes_.get(), 1);
  thread_.join();
}

void ShipProcess::reload(const Config& config) { order(config, true); }

void ShipProcess::order(const Config& config, bool hang_up) {
  {
    const std::lock_guard lock{mutex_};
    orders_.wanted = config.outputs.ship.start && any_enabled(config.outputs);
    orders_.hang_up = hang_up;
    orders_.user = config.outputs.ship.user;
  }
  if (thread_.joinable()) {
    ::eventfd_write(wakes_.get(), 1);
  } else if (orders_.wanted) {
    thread_ = std::thread{[this] { run(); }};
  }
}

ShipProcess::Orders ShipProcess::take_orders() {
  eventfd_t count = 0;
  ::eventfd_read(wakes_.get(), &count);
  const std::lock_guard lock{mutex_};
  Orders taken = orders_;
  orders_.hang_up = false;
  return taken;
}

void ShipProcess::run() {
  ::pthread_setname_np(::pthread_self(), "ship-watch");
  for (Orders orders = take_orders(); !orders.stop; orders = take_orders()) {
    if (pid_ != 0) look_for_end();
    if (!orders.wanted) {
      end();
    } else if (pid_ != 0 && orders.hang_up) {
      ::kill(pid_, SIGHUP);
    } else if (pid_ == 0 && (orders.hang_up || Clock::now() >= start_at_)) {
      start(orders.user);
    }
    wait(orders.wanted);
  }
  end();
}

// For orders, the child's end, or the time to start another.
void ShipProcess::wait(bool wanted) {
  std::array<pollfd, 2> what{{{wakes_.get(), POLLIN, 0}, {child_.get(), POLLIN, 0}}};
  std::chrono::milliseconds timeout{-1};
  if (pid_ != 0 && !child_) timeout = kFirstPause;  // kernels before 5.3 have no pidfd
  if (pid_ == 0 && wanted) {
    timeout = std::max(std::chrono::ceil<std::chrono::milliseconds>(start_at_ - Clock::now()),
                       std::chrono::milliseconds{});
  }
  ::poll(what.data(), what.size(), static_cast<int>(timeout.count()));
}

void ShipProcess::start(const std::string& user) {
  std::vector<std::string> words{ship_program(), "run", "--child-of", std::to_string(::getpid())};
  if (!user.empty()) words.insert(words.end(), {"--user", user});
  if (config_file_) words.insert(words.end(), {"--config", *config_file_});
  started_ = Clock::now();
  if (const int failed = spawn(words, pid_); failed != 0) {
    pid_ = 0;
    pause_ = kLongestPause;
    start_at_ = started_ + pause_;
    log_error("start " + words[0] + ": " + error_text(failed) +
              "; nothing is shipped (install it beside natledger, or set ship.start: false where "
              "it runs as a service of its own)");
    return;
  }
  child_ = UniqueFd{static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0))};
  log_info("started natledger-ship, process " + std::to_string(pid_));
}

void ShipProcess::look_for_end() {
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return;
  pid_ = 0;
  child_ = UniqueFd{};
  const bool was_well = Clock::now() - started_ >= kWell;
  pause_ = was_well ? kFirstPause : std::clamp(2 * pause_, kFirstPause, kLongestPause);
  start_at_ = Clock::now() + pause_;
  log_warning("natledger-ship " + end_text(status) + "; it is started again in " +
              std::to_string(pause_.count() / 1000) + " s, and goes on where it was");
}

void ShipProcess::end() {
  if (pid_ == 0) return;
  ::kill(pid_, SIGTERM);
  pollfd ended{child_.get(), POLLIN, 0};
  if (::poll(&ended, 1, kLastWordsMs) == 0) ::kill(pid_, SIGKILL);
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = 0;
  child_ = UniqueFd{};
  start_at_ = {};
}

}  // namespace natledger
