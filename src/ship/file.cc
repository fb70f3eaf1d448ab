// SPDX-License-Identifier: GPL-2.0-or-later
// Lines are appended with one write(2) a batch. After a kill the cursor is behind the file: its
// memory has the file's size, and what stands beyond that is held against the lines that come
// again, so that none is written twice and a torn one is completed.
#include "ship/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/user.h"
#include "ledger/segment.h"

namespace natledger {

namespace {

// Who started us may well be allowed to.
std::string remedy_of(int cause) {
  if (cause != EACCES) return "see output.file.path in the configuration";
  return "let " + user_name() + " write it and its folder, or see output.file.path and ship.user";
}

// "<device>:<inode>:<bytes>"
struct Place {
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t bytes = 0;

  bool same_file(const Place& other) const {
    return device == other.device && inode == other.inode;
  }
};

std::string place_text(const Place& place) {
  return std::to_string(place.device) + ":" + std::to_string(place.inode) + ":" +
         std::to_string(place.bytes);
}

std::optional<Place> parse_place(const std::string& text) {
  Place place;
  const char* at = text.data();
  const char* const end = at + text.size();
  for (uint64_t* number : {&place.device, &place.inode, &place.bytes}) {
    if (at != text.data() && (at == end || *at++ != ':')) return {};
    const auto [next, error] = std::from_chars(at, end, *number);
    if (error != std::errc{}) return {};
    at = next;
  }
  return at == end ? std::optional{place} : std::nullopt;
}

Place place_of(int fd, const std::string& path) {
  struct stat status {};
  check_call("stat " + path, ::fstat(fd, &status));
  return {status.st_dev, status.st_ino, static_cast<uint64_t>(status.st_size)};
}

// The file that was written last, under whatever name outsiders gave it beside its own.
UniqueFd find_file(const std::string& path, const Place& place) {
  const std::filesystem::path own{path};
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator{own.parent_path(), none}) {
    if (!entry.path().filename().string().starts_with(own.filename().string())) continue;
    struct stat status {};
    const std::string name = entry.path().string();
    if (::stat(name.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    if (!place.same_file({status.st_dev, status.st_ino, 0})) continue;
    return UniqueFd{::open(name.c_str(), O_RDWR | O_APPEND | O_CLOEXEC)};
  }
  return {};
}

class File final : public Destination {
 public:
  File(const FileOptions& options, const std::string& memory)
      : path_(options.path), full_(options.record == "full"), ulogd_(options.ulogd) {
    if (const auto place = parse_place(memory)) find_ahead(*place);
    if (!fd_ || (reopen_ && ahead_.empty())) open();
  }

  Attempt deliver(std::span<const LedgerLine> lines) override {
    if (reopen_ && ahead_.empty()) open();
    Attempt attempt;
    attempt.outcomes.resize(lines.size());
    std::string text;
    std::vector<size_t> ends(lines.size());  // of each line in `text`
    const bool was_ahead = !ahead_.empty();
    torn_.clear();
    size_t taken = 0;
    for (; taken < lines.size(); ++taken) {
      if (was_ahead && ahead_.empty() && reopen_) break;  // the rest is for the new file
      attempt.outcomes[taken].fate = add(lines[taken].text, text);
      ends[taken] = text.size();
    }
    const size_t written = write(text);
    const int cause = errno;
    sync();
    if (written == text.size()) return attempt;
    leave_torn(std::span{ends}.first(taken), text, written, attempt.outcomes);
    attempt.next = Attempt::Next::kBackOff;
    attempt.trouble =
        "write " + path_ + ": " + error_text(cause) + " (make room, or mend the disk)";
    return attempt;
  }

  std::string memory() const override {
    return place_text({place_.device, place_.inode, place_.bytes - ahead_.size()});
  }

 private:
  void open() {
    fd_ = UniqueFd{::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0640)};
    const int cause = errno;
    if (!fd_) throw SystemError("open " + path_, cause, remedy_of(cause));
    place_ = place_of(fd_.get(), path_);
    reopen_ = false;
  }

  // What a kill left in the file behind what the cursor knows of.
  void find_ahead(const Place& place) {
    fd_ = find_file(path_, place);
    if (!fd_) return;
    place_ = place_of(fd_.get(), path_);
    if (place_.bytes > place.bytes) {
      ahead_ = read_at(fd_.get(), path_, place.bytes, place_.bytes - place.bytes);
    }
    reopen_ = !is_file_at(fd_.get(), path_);
  }

  // Appends to `text` what of this record is not in the file.
  Fate add(std::string_view line, std::string& text) {
    const size_t before = text.size();
    if (full_) {
      text += line;
    } else if (!ulogd_.append(line, text)) {
      return Fate::kPassed;
    }
    text += '\n';
    const std::string_view whole = std::string_view{text}.substr(before);
    const size_t same = std::min(whole.size(), ahead_.size());
    if (whole.substr(0, same) != std::string_view{ahead_}.substr(0, same)) {
      log_warning("ship to file: " + path_ + " has lines of somebody else");
      ahead_.clear();
      return Fate::kDelivered;
    }
    const bool all = same == whole.size();
    if (!all && same != 0) torn_ = whole.substr(0, same);
    ahead_.erase(0, same);
    text.erase(before, same);
    return all ? Fate::kDuplicate : Fate::kDelivered;
  }

  // How much of it the file took; less: errno says why.
  size_t write(std::string_view text) {
    size_t done = 0;
    while (done < text.size()) {
      const ssize_t n = ::write(fd_.get(), text.data() + done, text.size() - done);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) break;
      done += static_cast<size_t>(n);
    }
    place_.bytes += done;
    return done;
  }

  // The cursor moves durably behind this, so the lines have to be there before it; those that a
  // killed run wrote too. What keeps nothing, a pipe, says EINVAL.
  void sync() const {
    if (::fdatasync(fd_.get()) == 0 || errno == EINVAL) return;
    const int cause = errno;
    throw SystemError("sync " + path_, cause, "look at the disk");
  }

  // The lines beyond come again, and what is in the file of the first of them is not written twice.
  void leave_torn(std::span<const size_t> ends, std::string_view text, size_t written,
                  std::span<Outcome> outcomes) {
    size_t whole = 0;
    for (size_t i = 0; i < ends.size(); ++i) {
      if (ends[i] > written) {
        outcomes[i].fate = Fate::kAgain;
      } else {
        whole = ends[i];
      }
    }
    const std::string part{text.substr(whole, written - whole)};
    ahead_ = whole == 0 ? torn_ + part : part;
  }

  const std::string path_;
  const bool full_;
  const UlogdRecord ulogd_;
  UniqueFd fd_;
  Place place_;
  std::string ahead_;    // the end of the file, of records that come again
  std::string torn_;     // what the file had of the first line written in this attempt
  bool reopen_ = false;  // as soon as nothing is ahead
};

}  // namespace

std::unique_ptr<Destination> make_file(const FileOptions& options, const std::string& memory) {
  return std::make_unique<File>(options, memory);
}

}  // namespace natledger
