// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

namespace natledger {

// Calls `visit` with one part after the other, of `most` items or fewer.
template <class T, class Visit>
void by_parts(std::span<const T> items, size_t most, const Visit& visit) {
  while (!items.empty()) {
    const auto part = items.first(std::min(items.size(), most));
    visit(part);
    items = items.subspan(part.size());
  }
}

}  // namespace natledger
