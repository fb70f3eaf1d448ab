// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/run_as.h"

#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <system_error>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "ledger/cursor.h"
#include "ledger/own_connections.h"
#include "ledger/segment.h"
#include "ship/dead_letters.h"

namespace natledger {

namespace {

// Its folder of the state, and what an earlier run wrote there, maybe as somebody else.
void give_folder(const std::string& folder, const passwd& user) {
  make_folders(folder, "see ledger.state");
  const auto give = [&user](const std::string& path) {
    check_call("give " + path + " to " + user.pw_name,
               ::lchown(path.c_str(), user.pw_uid, static_cast<gid_t>(-1)));
  };
  give(folder);
  for (const auto& entry : std::filesystem::directory_iterator{folder}) give(entry.path());
}

// The user's own, and the one that may read the ledger.
std::vector<gid_t> groups_of(const passwd& user, const std::string& ledger_group) {
  int count = 64;
  std::vector<gid_t> groups(static_cast<size_t>(count));
  ::getgrouplist(user.pw_name, user.pw_gid, groups.data(), &count);
  groups.resize(static_cast<size_t>(count));
  if (const group* entry = ledger_group.empty() ? nullptr : ::getgrnam(ledger_group.c_str())) {
    groups.push_back(entry->gr_gid);
  }
  return groups;
}

}  // namespace

void run_as(const std::string& user, const LedgerOptions& ledger) {
  if (::geteuid() != 0) return;
  const passwd* found = ::getpwnam(user.c_str());
  if (found == nullptr) {
    log_info("there is no user " + user + " (see ship.user), so natledger-ship runs as root");
    return;
  }
  give_folder(cursor_folder(ledger.state), *found);
  give_folder(dead_letter_folder(ledger.state), *found);
  give_folder(own_connections_folder(ledger.state), *found);
  const std::vector<gid_t> groups = groups_of(*found, ledger.group);
  const std::string attempt = "become " + user;
  check_call(attempt, ::setgroups(groups.size(), groups.data()));
  check_call(attempt, ::setgid(found->pw_gid));
  check_call(attempt, ::setuid(found->pw_uid));
  const std::string active = ledger.directory + "/" + std::string{kActiveName};
  for (const std::string& path :
       unreadable({ledger.directory, active, ledger.state + "/covered"})) {
    throw SystemError(std::string{"read "}.append(path).append(" as ").append(user), EACCES,
                      "let ledger.group read the ledger and its state, or see ship.user");
  }
}

std::vector<std::string> unreadable(const std::vector<std::string>& files) {
  std::vector<std::string> found;
  std::error_code none;
  for (const std::string& file : files) {
    if (file.empty()) continue;
    const int how = std::filesystem::is_directory(file, none) ? R_OK | X_OK : R_OK;
    // What is not there yet is nobody's to refuse.
    if (::access(file.c_str(), how) != 0 && errno == EACCES) found.push_back(file);
  }
  return found;
}

bool end_with(pid_t parent) {
  check_call("ask to end with the parent", ::prctl(PR_SET_PDEATHSIG, SIGTERM));
  return ::getppid() == parent;
}

}  // namespace natledger
