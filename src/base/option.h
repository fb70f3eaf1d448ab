// SPDX-License-Identifier: GPL-2.0-or-later
// An option is one row: its name, the member it fills, its help, what it may be.
//
// Parser, `config print`, `config reference` and the tests all read the row, so they cannot
// disagree. A section of the configuration is a struct of defaults and an array of rows:
//
//   struct Rotate { uint64_t size = 256 << 20; };
//   constexpr Option<Rotate> kRotateOptions[] = {
//       {"size", &Rotate::size, "seal the file at this size", SizeRule{}}};
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/config_tree.h"
#include "base/time.h"

namespace natledger {

// What a text must be: one of `choices`, or anything when there are none.
struct TextRule {
  std::span<const std::string_view> choices = {};
  bool required = false;  // not empty
};
// Texts; each one of `choices`, or anything when there are none.
struct ListRule {
  std::span<const std::string_view> choices = {};
};
struct BoolRule {};
struct CountRule {
  uint64_t min = 0;
  uint64_t max = std::numeric_limits<uint64_t>::max();
};
// Bytes, written "256MiB".
struct SizeRule {
  uint64_t min = 0;
  uint64_t max = std::numeric_limits<uint64_t>::max();
};
// Written "1h".
struct DurationRule {};

// How one option is read from a scalar or list, and written back. Throw ConfigError on a bad value.
void read_value(const ConfigNode& node, const TextRule& rule, std::string& value);
void read_value(const ConfigNode& node, const ListRule& rule, std::vector<std::string>& value);
void read_value(const ConfigNode& node, const BoolRule& rule, bool& value);
void read_value(const ConfigNode& node, const CountRule& rule, uint64_t& value);
void read_value(const ConfigNode& node, const SizeRule& rule, uint64_t& value);
void read_value(const ConfigNode& node, const DurationRule& rule, Duration& value);

std::string value_text(const TextRule& rule, const std::string& value);
std::string value_text(const ListRule& rule, const std::vector<std::string>& value);
std::string value_text(const BoolRule& rule, bool value);
std::string value_text(const CountRule& rule, uint64_t value);
std::string value_text(const SizeRule& rule, uint64_t value);
std::string value_text(const DurationRule& rule, Duration value);

// "text", "a size", "one of a, b" ...
std::string rule_text(const TextRule& rule);
std::string rule_text(const ListRule& rule);
std::string rule_text(const BoolRule& rule);
std::string rule_text(const CountRule& rule);
std::string rule_text(const SizeRule& rule);
std::string rule_text(const DurationRule& rule);

// When an agent that runs takes a new value.
enum class Change : uint8_t { kRestart, kReload };

template <class Section>
struct Option {
  // `rule` is one of the structs above, or any type with the three functions above.
  template <class Value, class Rule>
  Option(std::string_view option_name, Value Section::*member, std::string_view option_help,
         Rule rule, Change option_change = Change::kRestart)
      : name(option_name),
        help(option_help),
        read([member, rule](const ConfigNode& node, Section& section) {
          read_value(node, rule, section.*member);
        }),
        write([member, rule](const Section& section) { return value_text(rule, section.*member); }),
        allowed(rule_text(rule)),
        change(option_change) {}

  std::string_view name;
  std::string_view help;
  std::function<void(const ConfigNode&, Section&)> read;
  std::function<std::string(const Section&)> write;
  std::string allowed;
  Change change;
};

// Throws ConfigError for a key of `map` that `known` does not have.
void refuse_unknown_keys(const ConfigNode& map, std::span<const std::string_view> known);

// Fills `section` from `map`. Keys that are sections of their own are named in `subsections`.
template <class Options, class Section>
void read_options(const ConfigNode& map, const Options& options, Section& section,
                  std::span<const std::string_view> subsections = {}) {
  std::vector<std::string_view> known{subsections.begin(), subsections.end()};
  for (const auto& option : options) known.push_back(option.name);
  refuse_unknown_keys(map, known);
  for (const auto& option : options) {
    if (const ConfigNode* node = map.find(option.name)) option.read(*node, section);
  }
}

}  // namespace natledger
