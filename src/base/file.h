// SPDX-License-Identifier: GPL-2.0-or-later
// Small files and directories, with errors that name them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/unique_fd.h"

namespace natledger {

// The whole of a small file, or nothing when it cannot be read.
std::optional<std::string> read_file(const std::string& path);

// The number that a small file begins with, such as that of a sysctl; nothing when there is none.
std::optional<uint64_t> read_number(const std::string& path);

// Opens with O_CLOEXEC; throws SystemError naming the path. `remedy` may be empty.
UniqueFd open_file(const std::string& path, int flags, unsigned mode = 0,
                   std::string_view remedy = {});

// Another descriptor of the same open file, with O_CLOEXEC. Throws SystemError.
UniqueFd duplicate(const UniqueFd& fd);

// Up to `bytes` of the file from place `at`: fewer only where it ends. Throws SystemError naming
// `path`.
std::string read_at(int fd, const std::string& path, uint64_t at, uint64_t bytes);

// The size of an open file. Throws SystemError naming `path`.
uint64_t file_bytes(int fd, const std::string& path);

// Writes all of `text` at the descriptor's place. False, with errno, on the first failure.
bool write_whole(int fd, std::string_view text);

// Makes a folder, and those that it is in, where they are not there. Throws SystemError.
void make_folders(const std::string& path, std::string_view remedy);

// Makes the names in a directory survive a power cut. Throws SystemError.
void sync_directory(const std::string& path);

}  // namespace natledger
