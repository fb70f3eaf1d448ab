// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/housekeeping.h"

#include <malloc.h>
#include <sys/resource.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "base/error.h"

namespace natledger {

namespace {

// How often it is looked for segments to archive, at most; and for room.
constexpr Duration kArchivingPeriod = std::chrono::seconds{10};
constexpr Duration kRoomPeriod = std::chrono::seconds{1};
constexpr Duration kShortest = std::chrono::milliseconds{100};
// Behind a failure: what cannot be done once will hardly be the next moment.
constexpr Duration kArchivingRest = std::chrono::minutes{10};

Duration archiving_period(Duration compress_after) {
  if (compress_after == Duration::zero()) return kArchivingPeriod;
  return std::clamp(compress_after, kShortest, kArchivingPeriod);
}

// Of the calling thread alone, as Linux has it.
void yield_to_others() { ::setpriority(PRIO_PROCESS, 0, 19); }

}  // namespace

Housekeeping::Housekeeping(Ledger& ledger, Ballast& ballast, const LedgerOptions& options,
                           ReadFacts read_facts, std::function<void(const char*)> failed)
    : ledger_(ledger),
      ballast_(ballast),
      archiver_(options.directory, options.compress_after),
      retention_(ledger, options),
      indexer_(options.directory, std::move(read_facts)),
      failed_(std::move(failed)),
      archiving_period_(archiving_period(options.compress_after)),
      indexing_{"index",
                "`who` reads every line until it is done",
                [this](const GoOn& go_on) { index(go_on); },
                {}},
      archive_making_{"archive",
                      "the segment stays as it is",
                      [this](const GoOn& go_on) { archive(go_on); },
                      {}},
      keeping_("sync", ledger.housekeeping_period(), [this] { keep(); }),
      archiving_("housekeeping", std::min(archiving_period_, kRoomPeriod), [this] {
        yield_to_others();
        make_room();
        keep_ballast(now());
        while (!archiving_.stopping() && ledger_.hash_behind()) {
        }
        do_when_due(indexing_);  // first: what is plain still is read faster
        do_when_due(archive_making_);
      }) {}

void Housekeeping::stop() {
  archiving_.stop();
  keeping_.stop();
}

void Housekeeping::keep() {
  try {
    const int refused = ledger_.housekeep(now());
    uint64_t suppressed = 0;
    if (refused != 0 && sync_throttle_.pass(now(), suppressed)) {
      log_error("sync the ledger: " + error_text(refused) +
                "; lines of the last interval may not be on the disk (check it)");
    }
  } catch (const SystemError& failure) {
    failed_(failure.what());
  }
}

// What fails loses nothing, and is tried again after a rest.
void Housekeeping::do_when_due(Task& task) {
  const TimePoint at = now();
  if (at < task.from && task.from - at <= kArchivingRest) return;
  // Room may be needed meanwhile. What is removed then may be what is being worked on.
  const GoOn go_on = [this] { return !archiving_.stopping() && !make_room(); };
  try {
    task.work(go_on);
    task.from = now() + archiving_period_;
  } catch (const std::exception& failure) {
    task.from = now() + kArchivingRest;
    log_warning(std::string{task.what} + " the ledger: " + failure.what() + "; " + task.failing);
  }
}

// Removes segments that have to go. Whether any went.
bool Housekeeping::make_room() {
  const TimePoint at = now();
  try {
    if (!retention_.is_due(at)) return false;
    return retention_.remove_due(at) != 0;
  } catch (const std::exception& failure) {
    uint64_t suppressed = 0;
    if (retention_throttle_.pass(at, suppressed)) {
      log_error("remove old segments of the ledger: " + std::string{failure.what()});
    }
    return false;
  }
}

void Housekeeping::keep_ballast(TimePoint at) {
  constexpr Duration kPeriod = std::chrono::seconds{10};
  if (at >= ballast_from_ && at < ballast_from_ + kPeriod) return;
  ballast_from_ = at;
  std::string why = "twice ledger.ballast is not free";
  try {
    if (ballast_.keep()) return;
  } catch (const SystemError& failure) {
    why = failure.what();
  }
  if (std::exchange(ballast_warned_, true)) return;
  log_warning("hold back room for stopping on a full disk: " + why +
              "; such a stop may leave lines unwritten (make room, or lower ledger.ballast)");
}

void Housekeeping::index(const GoOn& go_on) {
  const std::string damage = indexer_.check_one();
  if (!damage.empty()) log_warning(damage);
  bool any = false;
  while (go_on() && indexer_.index_next(go_on)) any = true;
  // Of many small things, which the allocator would keep: 20 bytes for each open flow.
  if (any) ::malloc_trim(0);
}

void Housekeeping::archive(const GoOn& go_on) {
  while (go_on() && archiver_.archive_next(now(), go_on)) {
  }
}

}  // namespace natledger
