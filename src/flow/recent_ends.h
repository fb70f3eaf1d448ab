// SPDX-License-Identifier: GPL-2.0-or-later
// Tells an end that is told a second time. The kernel sends one again to everybody when somebody's
// reliable socket was full (Linux 6.18), seconds later.
//
// What is remembered is bounded: 65,536 fingerprints, a new one over an older one on its place. A
// repetition may pass, then; an end that was never told is not taken for one (2^-64).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace natledger {

class RecentEnds {
 public:
  void add(uint64_t fingerprint) { places_[fingerprint % kPlaces] = fingerprint; }
  bool contains(uint64_t fingerprint) const {
    return places_[fingerprint % kPlaces] == fingerprint;
  }

 private:
  static constexpr size_t kPlaces = 1 << 16;

  std::vector<uint64_t> places_ = std::vector<uint64_t>(kPlaces);
};

}  // namespace natledger
