// SPDX-License-Identifier: GPL-2.0-or-later
#include "ledger/ledger.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <random>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "ledger/archiver.h"
#include "ledger/cursor.h"
#include "ledger/segment.h"

namespace natledger {

namespace {

std::string random_hex(size_t digits) {
  std::random_device device;
  constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  while (text.size() < digits) text += kHex[device() & 0xf];
  return text;
}

// Whether it was made.
bool make_directory(const std::string& path, std::string_view option) {
  if (::mkdir(path.c_str(), 0750) == 0) return true;
  if (errno == EEXIST) return false;
  throw SystemError("make directory " + path, errno, "see " + std::string{option});
}

gid_t find_group(const std::string& name) {
  if (name.empty()) return static_cast<gid_t>(-1);
  errno = 0;
  const group* entry = ::getgrnam(name.c_str());
  if (entry == nullptr) {
    throw SystemError("find group " + name + ": there is none (see ledger.group; \"\" for none)");
  }
  return entry->gr_gid;
}

// "<ledger id>-<epoch>-<sequence>".
std::string ledger_id_of(const std::string& event_id) {
  return event_id.substr(0, event_id.find('-'));
}

// A reader that asks whether somebody writes holds the lock for a moment.
bool lock_patiently(int fd) {
  constexpr int kTries = 20;
  constexpr std::chrono::milliseconds kBetween{10};
  for (int i = 0; ::flock(fd, LOCK_EX | LOCK_NB) < 0; ++i) {
    if (i == kTries) return false;
    std::this_thread::sleep_for(kBetween);
  }
  return true;
}

}  // namespace

std::string read_boot_id() {
  std::string text =
      read_file("/proc/sys/kernel/random/boot_id").value_or(std::string{kUnknownBoot});
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

bool is_active_segment(const LedgerOptions& options) {
  struct stat status {};
  const std::string path = options.directory + "/" + std::string{kActiveName};
  if (::stat(path.c_str(), &status) < 0 || status.st_size == 0) return false;
  const auto state = read_state(options.state + "/sequence");
  return state && state->device == status.st_dev && state->inode == status.st_ino;
}

bool is_being_written(const std::string& directory) {
  const UniqueFd fd{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!fd || ::flock(fd.get(), LOCK_SH | LOCK_NB) == 0) return false;
  return errno == EWOULDBLOCK;
}

Ledger::Ledger(const LedgerOptions& options)
    : options_(options), active_path_(options.directory + "/" + std::string{kActiveName}) {
  group_ = find_group(options_.group);
  sync_always_ = options_.sync == "always";
  sync_interval_ = parse_duration(options_.sync).value_or(Duration::zero());
  const bool made = make_directory(options_.directory, "ledger.directory");
  const bool state_made = make_directory(options_.state, "ledger.state");
  directory_fd_ = open_file(options_.directory, O_RDONLY | O_DIRECTORY, 0, "see ledger.directory");
  if (!lock_patiently(directory_fd_.get())) {
    throw SystemError("lock ledger " + options_.directory +
                      ": another natledger writes it (stop that one, or give this one its own "
                      "ledger.directory)");
  }
  if (::faccessat(directory_fd_.get(), ".", W_OK, AT_EACCESS) < 0) {
    throw SystemError("write ledger " + options_.directory, errno, "see ledger.directory");
  }
  // What was there keeps the mode that somebody gave it.
  if (made) set_owner(directory_fd_.get(), options_.directory, 0750);
  state_file_ = std::make_unique<StateFile>(options_.state + "/sequence");
  covered_ = std::make_unique<CoveredMark>(options_.state + "/covered");
  share_state(state_made);
  sync_directory(options_.state);
  Archiver{options_.directory, options_.compress_after}.remove_leftovers();
  recover();
}

Ledger::~Ledger() = default;

void Ledger::recover() {
  LedgerFound found;
  found.boot_id = read_boot_id();
  found.state = state_file_->state();
  found.slot_lost = state_file_->damaged();
  const std::vector<SealedSegment> sealed = list_sealed(options_.directory);
  if (!sealed.empty()) {
    found.last_sealed_name = sealed.back().first_sequence;
    struct stat status {};
    if (!sealed.back().archived && ::stat(sealed.back().path.c_str(), &status) == 0) {
      found.sealed_device = status.st_dev;
      found.sealed_inode = status.st_ino;
    }
  }
  SegmentTail last = newest_tail(sealed);
  found.last_sealed = last.last_sequence;
  if (::access(active_path_.c_str(), F_OK) == 0) {
    found.active = read_tail(active_path_);
    if (found.active->last_sequence > last.last_sequence) last = *found.active;
  }
  found.shipped_to = last_shipped(options_.state);
  found.written_end = covered_->written_end();
  const StartPlan plan = plan_start(found);
  opening_.plan = plan;
  opening_.rebooted = found.state && found.state->boot_id != found.boot_id;
  if (state_file_->damaged()) opening_.notes.push_back("a slot of the state file was damaged");
  if (found.active && found.active->torn_bytes != 0) {
    opening_.notes.push_back("the last line was torn: " + std::to_string(found.active->torn_bytes) +
                             " bytes are no record");
  }
  judge_mark(plan.before, last.last_time);

  state_ = found.state.value_or(LedgerState{});
  // Without a state nobody knows what was removed.
  if (!found.state && !sealed.empty()) state_.kept_from = sealed.front().first_sequence;
  if (state_.ledger_id.empty()) state_.ledger_id = ledger_id_of(last.last_id);
  if (state_.ledger_id.empty()) state_.ledger_id = random_hex(12);
  id_prefix_ = state_.ledger_id + "-" + random_hex(10) + "-";
  state_.boot_id = found.boot_id;
  state_.clean = false;
  // Until open_active() has done what the plan says, no file may be taken for the one written last.
  state_.device = 0;
  state_.inode = 0;
  state_.last = std::max(state_.last, plan.next - 1);
  state_.lines = last.last_sequence;
  state_.reserved_to = std::max(state_.reserved_to, plan.next - 1);
  next_ = plan.next;
  reserve(plan.next);
  open_active(plan, found.active.value_or(SegmentTail{}));
  written_end_ = plan.next;
  covered_->set_written_end(plan.next);
  covered_->set_synced_end(plan.next);  // what was left is sealed, or was synced by a clean stop
}

// Up to when the record is whole, by the mark of the run before and the last line's time.
void Ledger::judge_mark(StartPlan::Before before, TimePoint last_time) {
  using enum StartPlan::Before;
  if (before == kCleanStop || before == kKilled) opening_.covered_to = covered_->written_to();
  if (before == kUnknown) {
    // Of a restored copy the lines end before the mark does.
    opening_.covered_to = std::min(covered_->synced_to(), last_time);
    // What the mark said was lost: should this start die too, the next must not believe it.
    covered_->set_written_to(opening_.covered_to);
    covered_->set_synced_to(opening_.covered_to);
  }
  // Without a mark nothing says more than the lines.
  if (!opening_.covered_to.known()) opening_.covered_to = last_time;
}

void Ledger::open_active(const StartPlan& plan, const SegmentTail& found) {
  UniqueFd file;
  switch (plan.active) {
    case StartPlan::Active::kMake:
      break;
    case StartPlan::Active::kAppend:
      file = open_file(active_path_, O_RDWR | O_APPEND);
      break;
    case StartPlan::Active::kRemove:
      check_call("remove " + active_path_, ::unlink(active_path_.c_str()));
      break;
    case StartPlan::Active::kSeal:
      seal(active_path_, plan, found.ends_in_newline);
      break;
  }
  const bool goes_on = static_cast<bool>(file);
  if (!goes_on) {
    file = make_active_file();
    sync_directory(options_.directory);
  }
  opening_.new_segment = !goes_on || found.bytes == 0;
  const bool has_lines = goes_on && found.first_sequence != 0;
  active_ = std::make_unique<ActiveSegment>(std::move(file), active_path_,
                                            has_lines ? found.first_sequence : plan.next,
                                            has_lines ? found.first_time : TimePoint{});
  remember_active();
}

UniqueFd Ledger::make_active_file() {
  UniqueFd file = open_file(active_path_, O_RDWR | O_APPEND | O_CREAT | O_EXCL, 0640);
  try {
    set_owner(file.get(), active_path_, 0640);
  } catch (const SystemError&) {
    ::unlink(active_path_.c_str());
    throw;
  }
  return file;
}

void Ledger::remember_active() {
  const std::lock_guard lock{state_mutex_};
  const struct stat status = active_->status();
  state_.device = status.st_dev;
  state_.inode = status.st_ino;
  state_file_->store(state_);
}

std::optional<SegmentSeal> Ledger::seal_before() const {
  if (!opening_.new_segment) return {};
  const std::vector<SealedSegment> sealed = list_sealed(options_.directory);
  if (sealed.empty()) return {};
  try {
    if (auto seal = describe_newest(sealed)) return seal;
    log_warning("ledger: part of " + sealed.back().path +
                " cannot be read, so the chain begins anew behind it");
  } catch (const SystemError& error) {
    log_warning("ledger: " + std::string{error.what()} + "; the chain begins anew behind it");
  }
  return {};
}

void Ledger::seal(const std::string& path, const StartPlan& plan, bool ends_in_newline) {
  const std::string sealed = options_.directory + "/" + sealed_name(plan.seal_as);
  const std::string archive = sealed + std::string{kArchiveEnd};
  if (::access(archive.c_str(), F_OK) == 0) {
    throw SystemError("seal " + path + " as " + sealed + ": " + archive +
                      " is there, so an old copy was put back (move one of the two away)");
  }
  const UniqueFd fd = open_file(path, O_WRONLY | O_APPEND);
  if (!ends_in_newline && !write_whole(fd.get(), "\n")) {
    throw SystemError("end the torn line of " + path, errno);
  }
  RoomAhead::give_back(fd.get());
  check_call("sync " + path, ::fdatasync(fd.get()));
  check_call("rename " + path + " to " + sealed,
             ::renameat2(AT_FDCWD, path.c_str(), AT_FDCWD, sealed.c_str(), RENAME_NOREPLACE));
  opening_.notes.push_back("sealed what the last agent left as " + sealed);
}

void Ledger::set_owner(int fd, const std::string& path, unsigned mode) {
  check_call("set mode of " + path, ::fchmod(fd, mode));
  if (group_ == static_cast<gid_t>(-1) || ::fchown(fd, static_cast<uid_t>(-1), group_) == 0) return;
  log_warning("give " + path + " to group " + options_.group + ": " + error_text(errno) +
              " (its readers need another way, or set ledger.group)");
}

// Who may read the ledger may know how far it is whole: `who` and natledger-ship do.
void Ledger::share_state(bool made) {
  const auto share = [this](const std::string& path, unsigned mode) {
    set_owner(open_file(path, O_RDONLY).get(), path, mode);
  };
  if (made) share(options_.state, 0750);
  for (const char* name : {"/sequence", "/covered"}) share(options_.state + name, 0640);
}

void Ledger::take(const char* end) {
  const uint64_t sequence = next_.load(std::memory_order_relaxed);
  if (sequence > reserved_to_.load(std::memory_order_acquire)) reserve(sequence);
  RecordSink::take(end);
  next_.store(sequence + 1, std::memory_order_relaxed);
}

int Ledger::flush() {
  const bool writes = kept_.size() != 0;
  while (kept_.size() != 0) {
    const ssize_t n = active_->write(kept_.kept());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    kept_.drop(static_cast<size_t>(n));
  }
  const uint64_t end = next_.load(std::memory_order_relaxed);
  written_end_.store(end, std::memory_order_release);
  covered_->set_written_end(end);
  // Said once: waiting at each write would not bring the lines back.
  if (!writes || !sync_always_ || active_->sync_failed() != 0) return 0;
  const int refused = active_->sync();
  if (refused == 0) covered_->set_synced_end(end);
  return refused;
}

void Ledger::mark_covered(TimePoint at) {
  if (at == covered_->written_to()) return;
  covered_->set_written_to(at);
  if (sync_always_ && active_->sync_failed() == 0) covered_->set_synced_to(at);
}

Duration Ledger::housekeeping_period() const {
  // Each waking costs; half a reservation lasts for twice as long at a million events a second.
  constexpr Duration kLongest = std::chrono::milliseconds{200};
  constexpr Duration kShortest = std::chrono::milliseconds{10};
  if (sync_interval_ == Duration::zero()) return kLongest;
  return std::clamp(sync_interval_ / 5, kShortest, kLongest);
}

int Ledger::housekeep(TimePoint at) {
  const uint64_t next = next_.load(std::memory_order_relaxed);
  if (next + kReserveStep / 2 > reserved_to_.load(std::memory_order_acquire)) reserve(next);
  const std::lock_guard lock{active_mutex_};
  active_->look_ahead();
  const uint64_t written_end = written_end_.load(std::memory_order_acquire);
  if (sync_interval_ == Duration::zero()) {
    if (!sync_always_) covered_->set_synced_end(written_end);
    return 0;
  }
  // The clock may have been set back.
  if (at >= last_sync_ && at + housekeeping_period() < last_sync_ + sync_interval_) return 0;
  last_sync_ = at;
  const TimePoint written_to = covered_->written_to();
  const int refused = active_->sync();
  if (refused != 0) return refused;
  covered_->set_synced_to(written_to);
  covered_->set_synced_end(written_end);
  return 0;
}

bool Ledger::hash_behind() {
  const std::lock_guard lock{active_mutex_};
  return active_->hash_some();
}

bool Ledger::close_clean(TimePoint covered_to) {
  if (flush() != 0) return false;
  active_->give_back();
  if (active_->sync() != 0) return false;
  mark_covered(covered_to);
  covered_->set_synced_to(covered_->written_to());
  covered_->set_synced_end(next_.load());
  const std::lock_guard lock{state_mutex_};
  state_.clean = true;
  state_.last = state_.lines = next_.load() - 1;
  state_file_->store(state_);
  return true;
}

void Ledger::reserve(uint64_t from) {
  const std::lock_guard lock{state_mutex_};
  if (state_.reserved_to >= from + kReserveStep / 2) {
    reserved_to_.store(state_.reserved_to, std::memory_order_release);
    return;
  }
  state_.reserved_to = from + kReserveStep;
  state_file_->store(state_);
  reserved_to_.store(state_.reserved_to, std::memory_order_release);
}

void Ledger::keep_from(uint64_t sequence) {
  const std::lock_guard lock{state_mutex_};
  if (sequence <= state_.kept_from) return;
  state_.kept_from = sequence;
  state_file_->store(state_);
}

uint64_t Ledger::kept_from() {
  const std::lock_guard lock{state_mutex_};
  return state_.kept_from;
}

uint64_t Ledger::active_first_sequence() {
  const std::lock_guard lock{active_mutex_};
  return active_->bytes() == 0 ? 0 : active_->first_sequence();
}

uint64_t Ledger::active_bytes() {
  const std::lock_guard lock{active_mutex_};
  return active_->bytes();
}

}  // namespace natledger
