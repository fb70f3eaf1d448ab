// SPDX-License-Identifier: GPL-2.0-or-later
#include "ledger/covered_mark.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/file.h"

namespace natledger {

namespace {
constexpr size_t kPageBytes = 4096;
constexpr size_t kWords = 7;                     // of the page that are used
constexpr uint64_t kMagic = 0x3164657265766f63;  // "covered1"
// Two copies of an instant, one of which was written just before a kill, are no further apart.
constexpr Duration kWritingApart = std::chrono::hours{1};

// Copies that are 0 are of an agent that wrote none.
int64_t earlier(int64_t instant, int64_t again) {
  return again == 0 ? instant : std::min(instant, again);
}

}  // namespace

struct CoveredMark::Page {
  std::atomic<uint64_t> magic;
  std::atomic<int64_t> written_to;
  std::atomic<int64_t> synced_to;
  // 0 in marks of version 0.1.0, as all that follows.
  std::atomic<uint64_t> synced_end;
  std::atomic<uint64_t> written_end;
  std::atomic<int64_t> written_to_again;
  std::atomic<int64_t> synced_to_again;
};

CoveredMark::CoveredMark(const std::string& path) {
  const UniqueFd fd = open_file(path, O_RDWR | O_CREAT, 0640, "see ledger.state");
  check_call("set mode of " + path, ::fchmod(fd.get(), 0640));
  const int refused = ::posix_fallocate(fd.get(), 0, kPageBytes);
  if (refused != 0) throw SystemError("make room for " + path, refused, "see ledger.state");
  void* page = ::mmap(nullptr, kPageBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (page == MAP_FAILED) throw SystemError("map " + path, errno);
  page_ = static_cast<Page*>(page);
  if (page_->magic != kMagic) {
    std::memset(page, 0, kPageBytes);
    page_->magic = kMagic;
  }
  set_written_to({earlier(page_->written_to, page_->written_to_again)});
  set_synced_to({earlier(page_->synced_to, page_->synced_to_again)});
}

CoveredMark::~CoveredMark() { ::munmap(page_, kPageBytes); }

TimePoint CoveredMark::written_to() const { return {page_->written_to.load()}; }
TimePoint CoveredMark::synced_to() const { return {page_->synced_to.load()}; }

void CoveredMark::set_written_to(TimePoint at) {
  page_->written_to.store(at.ns);
  page_->written_to_again.store(at.ns);
}

void CoveredMark::set_synced_to(TimePoint at) {
  page_->synced_to.store(at.ns);
  page_->synced_to_again.store(at.ns);
}

void CoveredMark::set_synced_end(uint64_t sequence) { page_->synced_end.store(sequence); }
uint64_t CoveredMark::written_end() const { return page_->written_end; }
void CoveredMark::set_written_end(uint64_t sequence) { page_->written_end.store(sequence); }

namespace {

using Words = std::array<uint64_t, kWords>;

// The words of a mark; zeros where there is none.
Words read_words(const std::string& path) {
  Words words{};
  const auto bytes = read_file(path);
  if (!bytes || bytes->size() < sizeof words) return words;
  std::memcpy(words.data(), bytes->data(), sizeof words);
  return words[0] == kMagic ? words : Words{};
}

}  // namespace

TimePoint read_written_to(const std::string& path) {
  return {static_cast<int64_t>(read_words(path)[1])};
}

uint64_t read_synced_end(const std::string& path) {
  const uint64_t end = read_words(path)[3];
  return end == 0 ? UINT64_MAX : end;
}

uint64_t read_written_end(const std::string& path) { return read_words(path)[4]; }

std::string find_mark_damage(const std::string& path) {
  if (::access(path.c_str(), F_OK) < 0) return {};
  const Words words = read_words(path);
  if (words[0] != kMagic) return "it is no mark of how far the record is whole";
  for (const size_t i : {size_t{1}, size_t{2}}) {
    const auto instant = static_cast<int64_t>(words[i]);
    const auto again = static_cast<int64_t>(words[i + 4]);
    if (again != 0 && std::chrono::abs(Duration{instant - again}) > kWritingApart) {
      return "it says two times up to which the record is whole, " + utc_text({instant}) + " and " +
             utc_text({again});
    }
  }
  return {};
}

}  // namespace natledger
