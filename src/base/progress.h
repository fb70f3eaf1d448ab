// SPDX-License-Identifier: GPL-2.0-or-later
// A line on the terminal for what takes longer than two seconds.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"

namespace natledger {

// Draws on standard error if that is a terminal, else does nothing. Erases itself at its end.
class Progress {
 public:
  explicit Progress(std::string what);
  ~Progress();

  // `done` of `total`; a total of 0 is not known. Cheap enough for each record: looks at the clock
  // once in a thousand calls.
  void update(uint64_t done, uint64_t total);
  // The same for larger steps: looks at the clock each time.
  void show(uint64_t done, uint64_t total);

 private:
  void draw(uint64_t done, uint64_t total);

  const std::string what_;
  const bool shown_;
  const TimePoint started_;
  TimePoint drawn_;
  unsigned calls_ = 0;
};

}  // namespace natledger
