// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/json_text.h"

#include <cstdint>

#include "base/text.h"

namespace natledger {

namespace {

struct Span32 {
  uint32_t low, high;
};

// The code points that a sequence of 2, 3 or 4 bytes may stand for.
constexpr Span32 kCodePoints[] = {{}, {}, {0x80, 0x7ff}, {0x800, 0xffff}, {0x10000, 0x10ffff}};

size_t sequence_bytes(uint8_t lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead < 0xe0) return 2;
  if (lead >= 0xe0 && lead < 0xf0) return 3;
  if (lead >= 0xf0 && lead < 0xf5) return 4;
  return 0;
}

// The bytes of the well-formed sequence at the front of `text`, or 0.
size_t well_formed_bytes(std::string_view text) {
  const auto lead = static_cast<uint8_t>(text[0]);
  const size_t bytes = sequence_bytes(lead);
  if (bytes <= 1) return bytes;
  if (text.size() < bytes) return 0;
  uint32_t code = lead & (0x7fU >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    const auto next = static_cast<uint8_t>(text[i]);
    if ((next & 0xc0) != 0x80) return 0;
    code = code << 6 | (next & 0x3fU);
  }
  if (code < kCodePoints[bytes].low || code > kCodePoints[bytes].high) return 0;
  if (code >= 0xd800 && code <= 0xdfff) return 0;
  return bytes;
}

char* append_escaped(char* out, char c) {
  switch (c) {
    case '"':
      return append_text(out, "\\\"");
    case '\\':
      return append_text(out, "\\\\");
    case '\b':
      return append_text(out, "\\b");
    case '\f':
      return append_text(out, "\\f");
    case '\n':
      return append_text(out, "\\n");
    case '\r':
      return append_text(out, "\\r");
    case '\t':
      return append_text(out, "\\t");
    default:
      break;
  }
  if (static_cast<uint8_t>(c) >= 0x20) {
    *out = c;
    return out + 1;
  }
  constexpr char kHex[] = "0123456789ABCDEF";  // jansson prints \u001F
  out = append_text(out, "\\u00");
  *out++ = kHex[static_cast<uint8_t>(c) >> 4];
  *out++ = kHex[static_cast<uint8_t>(c) & 0xf];
  return out;
}

// Neither escaped nor part of a sequence: nearly everything.
bool is_plain(char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }

}  // namespace

char* append_json_string(char* out, std::string_view text) {
  *out++ = '"';
  while (!text.empty()) {
    if (is_plain(text[0])) {
      *out++ = text[0];
      text.remove_prefix(1);
      continue;
    }
    const size_t bytes = well_formed_bytes(text);
    if (bytes == 0) {
      out = append_text(out, "\xef\xbf\xbd");
      text.remove_prefix(1);
    } else if (bytes == 1) {
      out = append_escaped(out, text[0]);
      text.remove_prefix(1);
    } else {
      out = append_text(out, text.substr(0, bytes));
      text.remove_prefix(bytes);
    }
  }
  *out++ = '"';
  return out;
}

std::string json_string(std::string_view text) {
  std::string out(json_string_bytes(text.size()), '\0');
  out.resize(static_cast<size_t>(append_json_string(out.data(), text) - out.data()));
  return out;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const size_t bytes = well_formed_bytes(text);
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

}  // namespace natledger
