// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/ledger_tail.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <utility>

#include "base/error.h"
#include "ledger/covered_mark.h"
#include "ledger/line.h"
#include "ledger/state.h"

namespace natledger {

LedgerTail::LedgerTail(const LedgerOptions& ledger, uint64_t from) : ledger_(ledger), from_(from) {}

// False while there is no ledger.
bool LedgerTail::open() {
  if (reader_) return true;
  if (!std::filesystem::exists(ledger_.directory + "/" + std::string{kActiveName})) return false;
  reader_ = std::make_unique<LedgerReader>(ledger_.directory, from_);
  return true;
}

bool LedgerTail::read_on(LedgerReader& reader) {
  LedgerLine line;
  do {
    if (!reader.next(line) && !(reader.advance() && reader.next(line))) return false;
  } while (line.sequence < from_ || !may_follow(line));
  held_ = line;
  return true;
}

// A number that a disk damaged would make all lines below it be passed over. Its id ends in it too.
bool LedgerTail::may_follow(const LedgerLine& line) {
  const std::string number = std::to_string(line.sequence);
  if (line.sequence == from_ || id_of(line.text).ends_with("-" + number)) return true;
  damages_.push_back({ledger_.directory, 0,
                      "a line says that it is number " + number + ", and its event.id is another"});
  return false;
}

bool LedgerTail::next(LedgerLine& line) {
  if (held_.sequence == 0 && (!open() || !read_on(*reader_))) return false;
  if (held_.sequence >= end_) {
    end_ = read_synced_end(ledger_.state + "/covered");
    if (held_.sequence >= end_) return false;
  }
  line = held_;
  held_.sequence = 0;
  from_ = line.sequence + 1;
  return true;
}

uint64_t LedgerTail::kept_from() const {
  const auto state = read_state(ledger_.state + "/sequence");
  return state ? state->kept_from : 0;
}

std::vector<Damage> LedgerTail::take_damages() {
  std::vector<Damage> taken = std::exchange(damages_, {});
  if (reader_) std::ranges::move(reader_->take_damages(), std::back_inserter(taken));
  return taken;
}

}  // namespace natledger
