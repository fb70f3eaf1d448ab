// SPDX-License-Identifier: GPL-2.0-or-later
#include "ledger/block_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "ledger/index_format.h"
#include "ledger/segment.h"

namespace natledger {

std::unique_ptr<BlockFile> BlockFile::open(const std::string& path) {
  UniqueFd fd = open_segment(path);
  if (!fd) return {};
  // A search reads few blocks, far apart.
  ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_RANDOM);
  return std::unique_ptr<BlockFile>{new BlockFile{std::move(fd), path}};
}

std::string_view BlockFile::block(uint64_t number) {
  const auto [found, is_new] = read_.try_emplace(number);
  if (is_new) {
    found->second = read_at(fd_.get(), path_, number * kBlockBytes, kBlockBytes);
    if (!is_good_block(found->second)) {
      read_.erase(found);
      refuse("block " + std::to_string(number) + " is damaged");
    }
  }
  return std::string_view{found->second}.substr(0, kBlockContent);
}

std::string BlockFile::blocks(uint64_t from, uint64_t count) {
  std::string content;
  for (uint64_t i = 0; i < count; ++i) content += block(from + i);
  return content;
}

void BlockFile::check(uint64_t count) {
  const uint64_t bytes = file_bytes(fd_.get(), path_);
  if (bytes != count * kBlockBytes) {
    refuse("it has " + std::to_string(bytes) + " bytes, not " +
           std::to_string(count * kBlockBytes));
  }
  for (uint64_t i = 0; i < count; ++i) {
    block(i);
    read_.erase(i);
  }
}

void BlockFile::refuse(const std::string& why) const {
  throw SystemError("read " + path_ + ": " + why + " (remove it; the agent makes it again)");
}

void replace_file(const std::string& path, std::string_view content, int like) {
  const std::string unfinished = path + ".tmp";
  struct Unfinished {
    const std::string& path;
    ~Unfinished() { ::unlink(path.c_str()); }
  } const remove_at_end{unfinished};
  const UniqueFd out = open_file(unfinished, O_WRONLY | O_CREAT | O_TRUNC, 0640);
  if (!write_whole(out.get(), content)) throw SystemError("write " + path, errno, "make room");
  struct stat status {};
  check_call("stat beside " + path, ::fstat(like, &status));
  check_call("set group of " + unfinished,
             ::fchown(out.get(), static_cast<uid_t>(-1), status.st_gid));
  check_call("set mode of " + unfinished, ::fchmod(out.get(), status.st_mode & 07777));
  check_call("sync " + unfinished, ::fsync(out.get()));
  check_call("rename " + unfinished, ::rename(unfinished.c_str(), path.c_str()));
  sync_directory(path.substr(0, path.rfind('/')));
}

}  // namespace natledger
