// SPDX-License-Identifier: GPL-2.0-or-later
// Delivers records beside the cursor: those of a range again, or dead letters once more. What was
// delivered before is found and not doubled, so a run that was ended is simply run again.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/log.h"
#include "base/unique_fd.h"
#include "ledger/ledger.h"
#include "ledger/range.h"
#include "ship/dead_letters.h"
#include "ship/delivery.h"
#include "ship/destinations.h"

namespace natledger {

struct Resent {
  uint64_t delivered = 0;
  uint64_t duplicate = 0;  // it was there
  uint64_t refused = 0;    // a dead letter, as before or now
};

// Says that somebody delivers beside the cursor, as long as it lives, and whether one who did was
// ended before it was done: <state>/dead-letters/<destination>.resending.
class Resending {
 public:
  // Throws SystemError, also while somebody else does.
  Resending(const std::string& state, const std::string& destination);

  // When the one before sent its last request, if that was not done.
  std::optional<TimePoint> last_request() const { return last_request_; }
  void request_begins();
  void done();

 private:
  const std::string path_;
  UniqueFd fd_;
  std::optional<TimePoint> last_request_;
};

class Resender {
 public:
  // `output` can take repeats. Dead letters from the number `letters_from` on are left as they are.
  // Throws SystemError or ConfigError.
  Resender(const std::string& state, const Output& output, uint64_t letters_from);

  // Delivers when a batch is full; waits as long as the destination wants. Throws SystemError when
  // a dead letter cannot be written.
  void add(uint64_t sequence, std::string_view text);
  // Delivers what is left. Behind the last of these, done().
  void finish();
  Resent done();

 private:
  void say(const std::string& trouble);

  const ShipperOptions options_;
  Resending resending_;
  Delivery batch_;
  DeadLetters dead_letters_;
  LogThrottle throttle_;
  Resent done_;
};

using ShowProgress = std::function<void(uint64_t done, uint64_t total)>;

// Those that the cursor has passed; the shipper itself comes to the others.
Resent backfill(const LedgerOptions& ledger, const Output& output, const LedgerRange& range,
                const ShowProgress& progress);
Resent retry_dead_letters(const LedgerOptions& ledger, const Output& output,
                          const ShowProgress& progress);

}  // namespace natledger
