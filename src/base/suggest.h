// SPDX-License-Identifier: GPL-2.0-or-later
// "did you mean": the known word nearest to a mistyped one.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace natledger {

// The nearest of `known` within three edits of `word`, or an empty view.
std::string_view nearest(std::string_view word, std::span<const std::string_view> known);

// `; did you mean "index"?`, or `; one of a, b, c` when nothing is near.
std::string suggestion(std::string_view word, std::span<const std::string_view> known);

}  // namespace natledger
