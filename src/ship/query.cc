// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/query.h"

#include "base/json_text.h"

namespace natledger {

namespace {

std::string list(const std::vector<std::string>& items) {
  std::string text = "[";
  for (const std::string& item : items) text += (text.size() > 1 ? "," : "") + item;
  return text + "]";
}

std::string of_key(std::string_view kind, std::string_view key, const std::string& value) {
  return "{" + json_string(kind) + ":{" + json_string(key) + ":" + value + "}}";
}

}  // namespace

std::string all_of(const std::vector<std::string>& queries) {
  return R"({"bool":{"filter":)" + list(queries) + "}}";
}

std::string any_of(const std::vector<std::string>& queries) {
  return R"({"bool":{"minimum_should_match":1,"should":)" + list(queries) + "}}";
}

std::string none_of(const std::vector<std::string>& queries) {
  return R"({"bool":{"must_not":)" + list(queries) + "}}";
}

std::string has_key(std::string_view key) {
  return R"({"exists":{"field":)" + json_string(key) + "}}";
}

std::string equals(std::string_view key, std::string_view text) {
  return of_key("term", key, json_string(text));
}

std::string equals(std::string_view key, uint64_t number) {
  return of_key("term", key, std::to_string(number));
}

std::string is_one_of(std::string_view key, std::span<const std::string> texts) {
  std::vector<std::string> items;
  items.reserve(texts.size());
  for (const std::string& text : texts) items.push_back(json_string(text));
  return of_key("terms", key, list(items));
}

std::string is_one_of(std::string_view key, std::span<const uint64_t> numbers) {
  std::vector<std::string> items;
  items.reserve(numbers.size());
  for (const uint64_t number : numbers) items.push_back(std::to_string(number));
  return of_key("terms", key, list(items));
}

std::string begins_with(std::string_view key, std::string_view text) {
  return of_key("prefix", key, json_string(text));
}

std::string compares(std::string_view key, std::string_view how, std::string_view text) {
  return of_key("range", key, "{" + json_string(how) + ":" + json_string(text) + "}");
}

std::string compares(std::string_view key, std::string_view how, uint64_t number) {
  return of_key("range", key, "{" + json_string(how) + ":" + std::to_string(number) + "}");
}

}  // namespace natledger
