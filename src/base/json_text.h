// SPDX-License-Identifier: GPL-2.0-or-later
// A JSON string literal as jansson's json_dumps writes it, since ulogd2 prints through jansson.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace natledger {

// The most bytes that append_json_string writes for `text_bytes` bytes of text.
inline constexpr size_t json_string_bytes(size_t text_bytes) { return 2 + 6 * text_bytes; }

// Writes `text` in quotes; `out` has room for json_string_bytes(text.size()). Non-ASCII UTF-8 and
// `/` stay as they are. Bytes that are not UTF-8 each become U+FFFD, so that a line is always valid
// JSON (jansson refuses such a string).
char* append_json_string(char* out, std::string_view text);
std::string json_string(std::string_view text);

// As RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text);

}  // namespace natledger
