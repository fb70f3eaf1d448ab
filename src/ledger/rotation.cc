// SPDX-License-Identifier: GPL-2.0-or-later
// One segment sealed and the next begun, while the ledger is written. docs/ledger-format.md has the
// order of the steps; a kill between any two of them is what start_plan.cc knows.
#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "ledger/ledger.h"
#include "ledger/segment.h"

namespace natledger {

namespace {
// Behind a failure: a disk that does not do it now will hardly do it the next moment.
constexpr Duration kRest = std::chrono::minutes{1};
}  // namespace

bool Ledger::is_rotation_due(TimePoint at) {
  if (active_->bytes() == 0) return false;
  if (at < rotate_from_ && rotate_from_ - at <= kRest) return false;
  const RotateOptions& rotate = options_.rotate;
  if (active_->bytes() >= rotate.size || active_->sync_failed() != 0) return true;
  return rotate.age != Duration::zero() && active_->age(at) >= rotate.age;
}

std::optional<Rotation> Ledger::rotate(TimePoint at) {
  if (!is_rotation_due(at)) return {};
  const std::lock_guard lock{active_mutex_};
  Rotation rotation;
  const TimePoint written_to = covered_->written_to();
  active_->give_back();
  if (active_->sync() == 0) {
    covered_->set_synced_to(written_to);
  } else {
    const TimePoint synced_to = covered_->synced_to();
    rotation.unsynced_from = synced_to.known() ? synced_to : at - active_->age(at);
    rotate_from_ = at + kRest;
  }
  const std::string name = sealed_name(active_->first_sequence());
  rotation.seal = describe_active(name);
  try {
    active_ = begin_segment(options_.directory + "/" + name, at);
  } catch (const SystemError& error) {
    rotate_from_ = at + kRest;
    log_error("begin a new segment of the ledger: " + std::string{error.what()} +
              "; it goes on in " + active_->path() + ", and tries again in a minute");
    return {};
  }
  remember_active();
  return rotation;
}

// Nothing when it cannot be read back, which is said.
std::optional<SegmentSeal> Ledger::describe_active(const std::string& name) {
  try {
    return active_->describe(name, next_.load(std::memory_order_relaxed) - 1);
  } catch (const SystemError& error) {
    log_error("seal the segment " + name + ": " + error.what() +
              "; the chain begins anew behind it");
    return {};
  }
}

// The active segment gets the name `sealed`, and a new one its path. Throws SystemError, with the
// active one under its own name again unless that too was refused.
std::unique_ptr<ActiveSegment> Ledger::begin_segment(const std::string& sealed, TimePoint at) {
  if (active_->path() != sealed) active_->rename(sealed);
  UniqueFd file;
  try {
    file = make_active_file();
  } catch (const SystemError&) {
    active_->rename(active_path_);
    throw;
  }
  try {
    sync_directory(options_.directory);
  } catch (const SystemError& error) {
    log_error("begin a new segment of the ledger: " + std::string{error.what()} +
              "; after a power cut its name may be an older one (check the disk)");
  }
  return std::make_unique<ActiveSegment>(std::move(file), active_path_,
                                         next_.load(std::memory_order_relaxed), at);
}

}  // namespace natledger
