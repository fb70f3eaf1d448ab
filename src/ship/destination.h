// SPDX-License-Identifier: GPL-2.0-or-later
// Where records go: one attempt at a time, and what became of each record.
//
// A destination never waits between attempts, never repeats one, and knows neither cursor nor dead
// letters: that is the Shipper's. Two implementations: a file, Elasticsearch.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/time.h"
#include "ledger/reader.h"

namespace natledger {

enum class Fate : uint8_t {
  kAgain,      // not taken, or nobody knows: to be sent again
  kDelivered,  // taken
  kDuplicate,  // it was there already
  kPassed,     // no record for this destination
  kRefused,    // never to be taken: a dead letter
};

struct Outcome {
  Fate fate = Fate::kAgain;
  // Of a refusal: what the destination said. No secret stands in it.
  int status = 0;
  std::string type;
  std::string reason;
};

struct Attempt {
  enum class Next : uint8_t {
    kGoOn,     // at once; those below are the more careful the further down
    kBackOff,  // after a pause that grows
    kHold,     // somebody has to mend something: slowly, and say so
    kSmaller,  // with half as many records; a single one is refused with `whole`
  };

  std::vector<Outcome> outcomes;  // one a record in their order; empty: all are kAgain
  Next next = Next::kGoOn;
  Duration pause{};     // at least so long; zero: not known
  std::string trouble;  // for the log: what went wrong and what to do; empty: nothing did
  Outcome whole;        // of kSmaller
};

class Destination {
 public:
  virtual ~Destination() = default;

  // One attempt at all of `lines`, which are valid during the call. Not empty.
  virtual Attempt deliver(std::span<const LedgerLine> lines) = 0;

  // What it needs to know after a restart of what it was given, kept with the cursor, and before
  // the first attempt: a word of up to Cursor::kMostMemory bytes. What was delivered since is
  // delivered again.
  virtual std::string memory() const { return {}; }
};

}  // namespace natledger
