// SPDX-License-Identifier: GPL-2.0-or-later
// Up to which instant the ledger is whole, kept where a killed agent leaves it.
//
// Two instants in a mapped page: `written_to` survives the death of the process, `synced_to` that
// of the machine. A number beside each says the same of lines. The next start reads from them where
// its agent-down gap begins, and whether lines have gone since; `who` reads how far a running agent
// has come. Each is one aligned word, so no reader sees half of one. The instants stand there
// twice: were one damaged to a later time, an outage would be hidden.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"

namespace natledger {

class CoveredMark {
 public:
  // Maps the file, making it where there is none. Of two instants that differ the earlier counts.
  // Throws SystemError.
  explicit CoveredMark(const std::string& path);
  ~CoveredMark();
  CoveredMark(const CoveredMark&) = delete;
  CoveredMark& operator=(const CoveredMark&) = delete;

  TimePoint written_to() const;
  TimePoint synced_to() const;
  void set_written_to(TimePoint at);
  void set_synced_to(TimePoint at);
  // Lines below this number are on the disk, or never will be: what may be delivered.
  void set_synced_end(uint64_t sequence);
  // Lines below this number are in the file, or never will be; 0 where nothing says it.
  uint64_t written_end() const;
  void set_written_end(uint64_t sequence);

 private:
  struct Page;
  Page* page_ = nullptr;
};

// Of another process's ledger. UINT64_MAX where no mark says it: a copy.
uint64_t read_synced_end(const std::string& path);
// The same of written_end(), but 0 where no mark says it.
uint64_t read_written_end(const std::string& path);
// What is wrong with a mark that is there and that nobody writes; empty: nothing that shows.
std::string find_mark_damage(const std::string& path);

// The mark of another process's ledger, read once; the zero instant when there is none.
TimePoint read_written_to(const std::string& path);

}  // namespace natledger
