// SPDX-License-Identifier: GPL-2.0-or-later
// A sealed segment, compressed: independent Zstandard frames of whole lines, and behind them a
// table of the frames (the seekable format). docs/ledger-format.md has the bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace natledger {

struct ArchiveFrame {
  uint64_t at = 0;          // where it begins in the archive
  uint64_t bytes = 0;       // of the archive
  uint64_t content = 0;     // bytes of the segment; 0 where its own header cannot be read
  uint64_t content_at = 0;  // where they begin in the segment, if nothing before it is damaged
};

// Reads an archive whose table or frames may be damaged: what can be read is.
class Archive {
 public:
  // `path` stands in messages. Throws SystemError when the file cannot be read at all.
  Archive(UniqueFd fd, std::string path);
  ~Archive();

  const std::vector<ArchiveFrame>& frames() const { return frames_; }
  // What is wrong with the table; empty when it is good. Without it the frames are looked for.
  const std::string& table_damage() const { return table_damage_; }

  // What is wrong with a frame; empty, with its bytes of the segment in `content`, when it is good.
  // Throws SystemError when the disk refuses.
  std::string read_frame(const ArchiveFrame& frame, std::string& content);

 private:
  struct Decompressor;

  bool read_table(uint64_t all);
  void walk(uint64_t all);
  std::string read(uint64_t at, uint64_t bytes) const;

  UniqueFd fd_;
  std::string path_;
  std::unique_ptr<Decompressor> decompressor_;
  std::vector<ArchiveFrame> frames_;
  std::string table_damage_;
};

// Whether an archive holds a segment's bytes. False too when `go_on`, asked at each frame, says so.
// Throws SystemError when one of them cannot be read.
struct Comparison {
  bool same = false;
  bool damaged = false;    // the archive, which says nothing of the segment then
  std::string difference;  // what and where; empty when they are the same, or when it was ended
};
Comparison compare_archive(const std::string& segment, const std::string& archive,
                           const std::function<bool()>& go_on);

// Compresses the segment at `segment` into `archive`, then reads it back and compares. `go_on` is
// asked at each frame; false ends it early. Whether the whole archive was made. Throws SystemError.
bool write_archive(const std::string& segment, const std::string& archive,
                   const std::function<bool()>& go_on);

}  // namespace natledger
