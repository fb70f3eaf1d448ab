// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

namespace natledger {

// "a, b, c" of any range of texts.
template <class Words>
std::string list_text(const Words& words) {
  std::string text;
  bool first = true;
  for (const auto& word : words) {
    text.append(first ? "" : ", ").append(word);
    first = false;
  }
  return text;
}

}  // namespace natledger
