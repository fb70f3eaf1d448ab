// SPDX-License-Identifier: GPL-2.0-or-later
#include "encode/encoder.h"

#include <charconv>

namespace natledger {

namespace {

constexpr std::string_view kBlanks = " \t";

std::string_view take_line(std::string_view& text) {
  const size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

std::string_view take_word(std::string_view& line) {
  const size_t start = line.find_first_not_of(kBlanks);
  if (start == std::string_view::npos) return {};
  const size_t end = line.find_first_of(kBlanks, start);
  const std::string_view word = line.substr(start, end - start);
  line.remove_prefix(end == std::string_view::npos ? line.size() : end);
  return word;
}

}  // namespace

std::unique_ptr<Encoder> make_encoder(Record record, const EncoderOptions& options) {
  return record == Record::kText ? make_text_encoder(options) : make_json_encoder(record, options);
}

std::array<std::string, kLabelBits> parse_label_names(std::string_view connlabel_conf) {
  std::array<std::string, kLabelBits> names;
  while (!connlabel_conf.empty()) {
    std::string_view line = take_line(connlabel_conf);
    const std::string_view number = take_word(line);
    const std::string_view name = take_word(line);
    unsigned bit = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), bit);
    if (error != std::errc{} || end != number.data() + number.size()) continue;
    if (bit < kLabelBits && !name.empty()) names[bit] = name;
  }
  return names;
}

}  // namespace natledger
