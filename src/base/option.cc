// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/option.h"

#include <algorithm>

#include "base/json_text.h"
#include "base/list_text.h"
#include "base/quantity.h"
#include "base/suggest.h"

namespace natledger {

namespace {

const std::string& scalar_of(const ConfigNode& node, const std::string& expected) {
  if (node.kind != ConfigNode::Kind::kScalar) config_error(node, "expected " + expected);
  return node.scalar;
}

// Checks a parsed number against a rule's bounds; `text_of` writes a bound for the message.
template <class Rule>
uint64_t in_range(const ConfigNode& node, std::optional<uint64_t> value, const Rule& rule,
                  std::string (*text_of)(uint64_t)) {
  if (!value) config_error(node, "\"" + node.scalar + "\" is not " + rule_text(Rule{}));
  if (*value < rule.min) {
    config_error(node, node.scalar + " is below the least, " + text_of(rule.min));
  }
  if (*value > rule.max) {
    config_error(node, node.scalar + " is above the most, " + text_of(rule.max));
  }
  return *value;
}

void check_choice(const ConfigNode& node, const std::string& text,
                  std::span<const std::string_view> choices) {
  if (choices.empty() || std::find(choices.begin(), choices.end(), text) != choices.end()) return;
  config_error(node, "unknown value \"" + text + "\"" + suggestion(text, choices));
}

std::string number_text(uint64_t value) { return std::to_string(value); }

// A YAML scalar that reads back as this text.
std::string yaml_text(const std::string& text) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-/.";
  // YAML has meanings of its own for these, and for a dash in front.
  const bool null = text == "null" || text == "Null" || text == "NULL";
  const bool plain = !text.empty() && text[0] != '-' && !null &&
                     text.find_first_not_of(kPlain) == std::string::npos;
  return plain ? text : json_string(text);
}

}  // namespace

void read_value(const ConfigNode& node, const TextRule& rule, std::string& value) {
  const std::string& text = scalar_of(node, rule_text(rule));
  check_choice(node, text, rule.choices);
  if (text.find('\0') != std::string::npos) config_error(node, "a text must not have a NUL in it");
  if (text.empty() && rule.required) config_error(node, "must not be empty");
  value = text;
}

void read_value(const ConfigNode& node, const ListRule& rule, std::vector<std::string>& value) {
  if (node.kind != ConfigNode::Kind::kList) config_error(node, "expected " + rule_text(rule));
  value.clear();
  for (const ConfigNode& item : node.list) {
    value.push_back(scalar_of(item, "a text"));
    check_choice(item, value.back(), rule.choices);
  }
}

void read_value(const ConfigNode& node, const BoolRule& rule, bool& value) {
  const std::string& text = scalar_of(node, rule_text(rule));
  if (text != "true" && text != "false") config_error(node, "expected " + rule_text(rule));
  value = text == "true";
}

void read_value(const ConfigNode& node, const CountRule& rule, uint64_t& value) {
  value = in_range(node, parse_count(scalar_of(node, rule_text(rule))), rule, number_text);
}

void read_value(const ConfigNode& node, const SizeRule& rule, uint64_t& value) {
  value = in_range(node, parse_size(scalar_of(node, rule_text(rule))), rule, size_text);
}

void read_value(const ConfigNode& node, const DurationRule& rule, Duration& value) {
  const auto read = parse_duration(scalar_of(node, rule_text(rule)));
  if (!read) config_error(node, "\"" + node.scalar + "\" is not " + rule_text(rule));
  value = *read;
}

std::string value_text(const TextRule&, const std::string& value) { return yaml_text(value); }

std::string value_text(const ListRule&, const std::vector<std::string>& value) {
  std::vector<std::string> texts;
  texts.reserve(value.size());
  for (const std::string& text : value) texts.push_back(yaml_text(text));
  return "[" + list_text(texts) + "]";
}

std::string value_text(const BoolRule&, bool value) { return value ? "true" : "false"; }
std::string value_text(const CountRule&, uint64_t value) { return std::to_string(value); }
std::string value_text(const SizeRule&, uint64_t value) { return size_text(value); }
std::string value_text(const DurationRule&, Duration value) { return duration_text(value); }

std::string rule_text(const TextRule& rule) {
  if (rule.choices.empty()) return "a text";
  return "one of " + list_text(rule.choices);
}

std::string rule_text(const ListRule& rule) {
  if (rule.choices.empty()) return "a list, [a, b]";
  return "a list of " + list_text(rule.choices);
}
std::string rule_text(const BoolRule&) { return "true or false"; }
std::string rule_text(const CountRule&) { return "a whole number"; }
std::string rule_text(const SizeRule&) { return "a size such as 64MiB"; }
std::string rule_text(const DurationRule&) { return "a time such as 90s or 1h"; }

void refuse_unknown_keys(const ConfigNode& map, std::span<const std::string_view> known) {
  if (map.kind != ConfigNode::Kind::kMap) config_error(map, "expected a section of options");
  for (const auto& [name, node] : map.map) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    config_error(node, "unknown option" + suggestion(name, known));
  }
}

}  // namespace natledger
