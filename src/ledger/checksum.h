// SPDX-License-Identifier: GPL-2.0-or-later
// SHA-256, as hex digits.
#pragma once

#include <string>
#include <string_view>

namespace natledger {

std::string sha256_hex(std::string_view bytes);

}  // namespace natledger
