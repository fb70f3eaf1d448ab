// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/resend.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "ledger/cursor.h"
#include "ledger/line.h"
#include "ledger/reader.h"
#include "ship/drop_fields.h"

namespace natledger {

Resending::Resending(const std::string& state, const std::string& destination)
    : path_(dead_letter_folder(state) + "/" + destination + ".resending"),
      fd_(open_file(path_, O_RDWR | O_CREAT, 0640, "see ledger.state")) {
  if (::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0) {
    throw SystemError("deliver records to " + destination +
                      " again: somebody else does (wait for that to end)");
  }
  struct stat status {};
  check_call("look at " + path_, ::fstat(fd_.get(), &status));
  if (status.st_size == 0) return;
  last_request_ = TimePoint{status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec};
}

void Resending::request_begins() {
  check_call("write " + path_, static_cast<int>(::pwrite(fd_.get(), "1", 1, 0)));
}

void Resending::done() { check_call("write " + path_, ::ftruncate(fd_.get(), 0)); }

Resender::Resender(const std::string& state, const Output& output, uint64_t letters_from)
    : options_(output.options),
      resending_(state, options_.name),
      batch_(output.make_for_repeats(resending_.last_request().value_or(TimePoint{}) +
                                     output.longest_request),
             options_.batch_records, {options_.backoff, dice()}),
      dead_letters_(state, options_.name, letters_from, options_.dead_letter_bytes) {}

void Resender::add(uint64_t sequence, std::string_view text) {
  if (dead_letters_.has(sequence)) {
    ++done_.refused;
    return;
  }
  batch_.add(sequence, text);
  if (batch_.records() >= options_.batch_records || batch_.bytes() >= options_.batch_bytes)
    finish();
}

void Resender::finish() {
  while (!batch_.is_done()) {
    resending_.request_begins();
    const Delivery::Step step = batch_.attempt();
    say(step.trouble);
    dead_letters_.add(step.refused, now());
    std::this_thread::sleep_for(step.pause);
  }
  for (const Delivery::Item& item : batch_.items()) {
    if (item.outcome.fate == Fate::kDelivered) ++done_.delivered;
    if (item.outcome.fate == Fate::kDuplicate) ++done_.duplicate;
    if (item.outcome.fate == Fate::kRefused) ++done_.refused;
  }
  batch_.drop(batch_.records());
}

Resent Resender::done() {
  resending_.done();
  return done_;
}

void Resender::say(const std::string& trouble) {
  uint64_t suppressed = 0;
  if (trouble.empty() || !throttle_.pass(now(), suppressed)) return;
  log_warning("ship to " + options_.name + ": " + trouble);
}

Resent backfill(const LedgerOptions& ledger, const Output& output, const LedgerRange& range,
                const ShowProgress& progress) {
  const uint64_t next = next_to_ship(ledger.state, output.options.name);
  const uint64_t last = std::min(range.last, next - 1);
  const uint64_t first = std::min(range.first, last);
  Resender resender{ledger.state, output, 0};
  FieldDropper dropper{output.options.drop_fields};
  LedgerReader reader{ledger.directory, range.first};
  for (LedgerLine line; reader.next(line) && line.sequence <= last;) {
    progress(line.sequence < first ? 0 : line.sequence - first, last - first + 1);
    if (line.sequence < range.first) continue;
    const TimePoint at = time_of(line.text);
    if (at < range.from || at > range.to) continue;
    if (!output.options.selects(line.text)) continue;
    resender.add(line.sequence, dropper.without(line.text));
  }
  resender.finish();
  for (const Damage& damage : reader.take_damages()) {
    throw SystemError("read " + damage.path + ": " + damage.what +
                      " (restore the file; what else there is was delivered)");
  }
  return resender.done();
}

Resent retry_dead_letters(const LedgerOptions& ledger, const Output& output,
                          const ShowProgress& progress) {
  RetriedLetters retried{ledger.state, output.options.name};
  // Those that are refused again are to be written anew.
  Resender resender{ledger.state, output, UINT64_MAX};
  const auto& letters = retried.letters();
  for (size_t i = 0; i < letters.size(); ++i) {
    resender.add(letters[i].sequence, letters[i].record);
    progress(i, letters.size());
  }
  resender.finish();
  const Resent resent = resender.done();
  retried.done();
  return resent;
}

}  // namespace natledger
