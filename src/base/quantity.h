// SPDX-License-Identifier: GPL-2.0-or-later
// Sizes as people write them: "256MiB".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace natledger {

// A whole number with KiB, MiB, GiB or TiB, or a bare number of bytes. Nothing if malformed.
std::optional<uint64_t> parse_size(std::string_view text);
// The shortest such text.
std::string size_text(uint64_t bytes);

// A whole decimal or 0x number that fits. Nothing if malformed.
std::optional<uint64_t> parse_count(std::string_view text);

}  // namespace natledger
