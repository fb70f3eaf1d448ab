// SPDX-License-Identifier: GPL-2.0-or-later
#include "encode/encoder.h"

#include <charconv>

namespace natledger {

namespace {

constexpr std::string_view kBlanks = " \t\r";

std::string_view take_line(std::string_view& text) {
  const size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

std::string_view trimmed(std::string_view text) {
  const size_t start = text.find_first_not_of(kBlanks);
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(kBlanks) + 1 - start);
}

// As strtoul reads it with base 0; kLabelBits when it is no bit.
unsigned label_bit(std::string_view number) {
  int base = 10;
  if (number.starts_with("0x") || number.starts_with("0X")) {
    base = 16;
    number.remove_prefix(2);
  } else if (number.starts_with('0')) {
    base = 8;
  }
  unsigned bit = 0;
  const char* last = number.data() + number.size();
  const auto [end, error] = std::from_chars(number.data(), last, bit, base);
  return error == std::errc{} && end == last ? bit : kLabelBits;
}

}  // namespace

std::string Encoder::encode(const Flow& flow) {
  std::string line(longest_line(), '\0');
  line.resize(static_cast<size_t>(append_line(line.data(), flow) - line.data()));
  return line;
}

std::unique_ptr<Encoder> make_encoder(Record record, const EncoderOptions& options) {
  return record == Record::kText ? make_text_encoder(options) : make_json_encoder(record, options);
}

std::array<std::string, kLabelBits> parse_label_names(std::string_view connlabel_conf) {
  std::array<std::string, kLabelBits> names;
  while (!connlabel_conf.empty()) {
    const std::string_view line = trimmed(take_line(connlabel_conf));
    const std::string_view number = line.substr(0, line.find_first_of(kBlanks));
    const unsigned bit = label_bit(number);
    if (bit < kLabelBits && names[bit].empty()) names[bit] = trimmed(line.substr(number.size()));
  }
  return names;
}

}  // namespace natledger
