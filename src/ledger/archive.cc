// SPDX-License-Identifier: GPL-2.0-or-later
#include "ledger/archive.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <zstd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/handle.h"

namespace natledger {

namespace {

// Level 9 makes 78 bytes of a typical line of 1,100, level 3 needs a fifth more.
constexpr int kLevel = 9;
constexpr size_t kFrameContent = 1 << 20;
// No frame of ours is near it; a damaged header must not make us ask for more.
constexpr uint64_t kMostContent = 64 << 20;

constexpr uint32_t kFrameMagic = 0xFD2FB528;
constexpr uint32_t kTableMagic = 0x184D2A5E;
constexpr uint32_t kSkippable = 0x184D2A50;  // sixteen of them
constexpr uint32_t kSkippableMask = 0xFFFFFFF0;
constexpr uint32_t kFooterMagic = 0x8F92EAB1;
constexpr size_t kTableHeaderBytes = 8;
constexpr size_t kTableEntryBytes = 8;
constexpr size_t kFooterBytes = 9;

uint32_t load_le32(const char* at) {
  uint32_t value = 0;
  for (int i = 3; i >= 0; --i) value = value << 8 | static_cast<uint8_t>(at[i]);
  return value;
}

void append_le32(std::string& out, uint64_t value) {
  for (int i = 0; i < 4; ++i) out += static_cast<char>(value >> 8 * i & 0xff);
}

std::string table_of(const std::vector<ArchiveFrame>& frames) {
  std::string table;
  append_le32(table, kTableMagic);
  append_le32(table, frames.size() * kTableEntryBytes + kFooterBytes);
  for (const ArchiveFrame& frame : frames) {
    append_le32(table, frame.bytes);
    append_le32(table, frame.content);
  }
  append_le32(table, frames.size());
  table += '\0';  // no checksums here: each frame has its own
  append_le32(table, kFooterMagic);
  return table;
}

// The whole lines from place `at` that make a frame; the rest of the file where it ends in none.
std::string read_lines(int fd, const std::string& path, uint64_t at) {
  for (size_t most = kFrameContent;; most *= 2) {
    std::string lines = read_at(fd, path, at, most);
    if (lines.size() < most) return lines;
    const size_t line_end = lines.rfind('\n');
    if (line_end == std::string::npos) continue;  // a line longer than a frame
    lines.resize(line_end + 1);
    return lines;
  }
}

void write_or_throw(int fd, std::string_view text, const std::string& path) {
  if (!write_whole(fd, text)) throw SystemError("write " + path, errno, "make room");
}

bool compress(const std::string& segment, int out, const std::string& archive,
              const std::function<bool()>& go_on) {
  const Handle<ZSTD_CCtx, ZSTD_freeCCtx> context{ZSTD_createCCtx()};
  if (context == nullptr) throw SystemError("compress " + segment, ENOMEM);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, kLevel);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  const UniqueFd in = open_file(segment, O_RDONLY);
  std::vector<ArchiveFrame> frames;
  std::string compressed, piece;
  for (uint64_t at = 0; !(piece = read_lines(in.get(), segment, at)).empty(); at += piece.size()) {
    if (!go_on()) return false;
    compressed.resize(ZSTD_compressBound(piece.size()));
    const size_t bytes = ZSTD_compress2(context.get(), compressed.data(), compressed.size(),
                                        piece.data(), piece.size());
    if (ZSTD_isError(bytes) != 0) {
      throw SystemError("compress " + segment + ": " + ZSTD_getErrorName(bytes));
    }
    write_or_throw(out, std::string_view{compressed}.substr(0, bytes), archive);
    frames.push_back({0, bytes, piece.size(), 0});
  }
  write_or_throw(out, table_of(frames), archive);
  return true;
}

}  // namespace

struct Archive::Decompressor {
  Handle<ZSTD_DCtx, ZSTD_freeDCtx> context{ZSTD_createDCtx()};
};

Archive::Archive(UniqueFd fd, std::string path)
    : fd_(std::move(fd)), path_(std::move(path)), decompressor_(std::make_unique<Decompressor>()) {
  if (decompressor_->context == nullptr) throw SystemError("read " + path_, ENOMEM);
  const uint64_t bytes = file_bytes(fd_.get(), path_);
  if (!read_table(bytes)) walk(bytes);
  uint64_t content_at = 0;
  for (ArchiveFrame& frame : frames_) {
    frame.content_at = content_at;
    content_at += frame.content;
  }
}

Archive::~Archive() = default;

std::string Archive::read(uint64_t at, uint64_t bytes) const {
  return read_at(fd_.get(), path_, at, bytes);
}

bool Archive::read_table(uint64_t all) {
  const auto damaged = [this](const char* why) {
    table_damage_ = why;
    frames_.clear();
    return false;
  };
  if (all < kTableHeaderBytes + kFooterBytes) return damaged("too short for a table");
  const std::string footer = read(all - kFooterBytes, kFooterBytes);
  if (footer.size() != kFooterBytes || load_le32(&footer[5]) != kFooterMagic || footer[4] != 0) {
    return damaged("no table of frames at the end");
  }
  const uint64_t entries = load_le32(footer.data());
  const uint64_t table_bytes = kTableHeaderBytes + entries * kTableEntryBytes + kFooterBytes;
  if (table_bytes > all) return damaged("the table says more frames than there is room for");
  const std::string table = read(all - table_bytes, table_bytes);
  if (table.size() != table_bytes || load_le32(table.data()) != kTableMagic ||
      load_le32(&table[4]) != table_bytes - kTableHeaderBytes) {
    return damaged("the table does not begin where it should");
  }
  uint64_t at = 0;
  for (uint64_t i = 0; i < entries; ++i) {
    const char* entry = &table[kTableHeaderBytes + i * kTableEntryBytes];
    frames_.push_back({at, load_le32(entry), load_le32(entry + 4), 0});
    at += frames_.back().bytes;
  }
  return at + table_bytes == all || damaged("the table does not add up to the file");
}

// Without a table: frame by frame, and behind a damaged one to where another may begin.
void Archive::walk(uint64_t all) {
  constexpr uint64_t kWindow = 2 * uint64_t{ZSTD_COMPRESSBOUND(kFrameContent)};
  std::string magic;
  append_le32(magic, kFrameMagic);
  std::string window = read(0, std::min(all, kWindow));
  uint64_t window_at = 0;
  for (uint64_t at = 0; at < all;) {
    const uint64_t inside = std::min<uint64_t>(at - window_at, window.size());
    const std::string_view rest = std::string_view{window}.substr(inside);
    const size_t bytes = ZSTD_findFrameCompressedSize(rest.data(), rest.size());
    // Damaged, or only cut by the window's end.
    if (ZSTD_isError(bytes) != 0 && inside != 0 && window_at + window.size() < all) {
      window = read(at, std::min(all - at, kWindow));
      window_at = at;
      continue;
    }
    ArchiveFrame frame{at, bytes, 0, 0};
    if (ZSTD_isError(bytes) != 0) {
      frame.bytes = std::min(rest.find(magic, 1), rest.size());
    } else {
      const uint64_t content = ZSTD_getFrameContentSize(rest.data(), rest.size());
      if (content <= kMostContent) frame.content = content;
    }
    if (frame.bytes == 0) return;  // cut meanwhile
    const bool skippable =
        rest.size() >= 4 && (load_le32(rest.data()) & kSkippableMask) == kSkippable;
    if (!skippable) frames_.push_back(frame);
    at += frame.bytes;
  }
}

std::string Archive::read_frame(const ArchiveFrame& frame, std::string& content) {
  content.clear();
  if (frame.bytes > ZSTD_COMPRESSBOUND(kMostContent) || frame.content > kMostContent) {
    return "a frame longer than any";
  }
  const std::string bytes = read(frame.at, frame.bytes);
  if (bytes.size() != frame.bytes) return "the file ends within the frame";
  const uint64_t content_size = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  if (content_size == ZSTD_CONTENTSIZE_UNKNOWN) return "the frame does not say its size";
  if (content_size != frame.content) return "the frame's header is damaged";
  content.resize(frame.content);
  const size_t got = ZSTD_decompressDCtx(decompressor_->context.get(), content.data(),
                                         content.size(), bytes.data(), bytes.size());
  if (ZSTD_isError(got) != 0) {
    content.clear();
    return std::string{"the frame is damaged: "} + ZSTD_getErrorName(got);
  }
  if (got == content.size()) return {};
  content.clear();
  return "the frame holds less than it says";
}

Comparison compare_archive(const std::string& segment, const std::string& archive,
                           const std::function<bool()>& go_on) {
  Archive made{open_file(archive, O_RDONLY), archive};
  const UniqueFd in = open_file(segment, O_RDONLY);
  uint64_t at = 0;
  const auto differs = [&](bool damaged, const std::string& why) {
    return Comparison{false, damaged, "at byte " + std::to_string(at) + ": " + why};
  };
  if (!made.table_damage().empty()) return differs(true, made.table_damage());
  std::string content;
  for (const ArchiveFrame& frame : made.frames()) {
    if (!go_on()) return {};
    const std::string damage = made.read_frame(frame, content);
    if (!damage.empty()) return differs(true, damage);
    if (read_at(in.get(), segment, at, content.size()) != content) return differs(false, "content");
    at += content.size();
  }
  if (at != file_bytes(in.get(), segment)) return differs(false, "length");
  return {true, false, {}};
}

bool write_archive(const std::string& segment, const std::string& archive,
                   const std::function<bool()>& go_on) {
  const UniqueFd out = open_file(archive, O_WRONLY | O_CREAT | O_TRUNC, 0640);
  if (!compress(segment, out.get(), archive, go_on)) return false;
  check_call("sync " + archive, ::fsync(out.get()));
  const Comparison made = compare_archive(segment, archive, go_on);
  if (made.difference.empty()) return made.same;
  throw SystemError("compress " + segment + ": what was written differs " + made.difference +
                    " (check disk and memory)");
}

}  // namespace natledger
