// SPDX-License-Identifier: GPL-2.0-or-later
// A file of checksummed blocks, read a block at a time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/unique_fd.h"

namespace natledger {

class BlockFile {
 public:
  // Nothing when there is no such file. Throws SystemError when it cannot be opened.
  static std::unique_ptr<BlockFile> open(const std::string& path);

  const std::string& path() const { return path_; }
  // The content of a block, without its checksum; valid as long as this. Throws SystemError,
  // naming file and block, when it is damaged or not there.
  std::string_view block(uint64_t number);
  // The content of several in a row.
  std::string blocks(uint64_t from, uint64_t count);
  // Reads every block, and whether there are so many.
  void check(uint64_t count);
  // Throws a SystemError that says so of this file.
  [[noreturn]] void refuse(const std::string& why) const;

 private:
  BlockFile(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  UniqueFd fd_;
  std::string path_;
  std::map<uint64_t, std::string> read_;  // checked
};

// File::open(), where a damaged one counts as none.
template <class File>
std::optional<File> open_good(const std::string& path) {
  try {
    return File::open(path);
  } catch (const SystemError&) {
    return {};
  }
}

// Writes `content` under another name, with the group and mode of the open file `like`, and puts it
// in place of `path` when it is on the disk. Throws SystemError; what was there is then still
// there.
void replace_file(const std::string& path, std::string_view content, int like);

}  // namespace natledger
