// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <filesystem>
#include <system_error>

#include "base/error.h"

namespace natledger {

std::optional<std::string> read_file(const std::string& path) {
  const UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd) return {};
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return {};
    if (n == 0) return text;
    text.append(buffer, static_cast<size_t>(n));
  }
}

std::optional<uint64_t> read_number(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return {};
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc{}) return {};
  return value;
}

UniqueFd open_file(const std::string& path, int flags, unsigned mode, std::string_view remedy) {
  return UniqueFd{
      check_call("open " + path, ::open(path.c_str(), flags | O_CLOEXEC, mode), remedy)};
}

std::string read_at(int fd, const std::string& path, uint64_t at, uint64_t bytes) {
  std::string text(bytes, '\0');
  size_t got = 0;
  while (got < bytes) {
    const ssize_t n = ::pread(fd, text.data() + got, bytes - got, static_cast<off_t>(at + got));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw SystemError("read " + path, errno, "look at the disk");
    if (n == 0) break;
    got += static_cast<size_t>(n);
  }
  text.resize(got);
  return text;
}

uint64_t file_bytes(int fd, const std::string& path) {
  struct stat status {};
  check_call("stat " + path, ::fstat(fd, &status));
  return static_cast<uint64_t>(status.st_size);
}

UniqueFd duplicate(const UniqueFd& fd) {
  return UniqueFd{check_call("duplicate a descriptor", ::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0))};
}

bool write_whole(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    text.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

void make_folders(const std::string& path, std::string_view remedy) {
  std::error_code failed;
  std::filesystem::create_directories(path, failed);
  if (failed) throw SystemError("make " + path, failed.value(), remedy);
}

void sync_directory(const std::string& path) {
  const UniqueFd fd = open_file(path, O_RDONLY | O_DIRECTORY);
  check_call("fsync directory " + path, ::fsync(fd.get()));
}

}  // namespace natledger
