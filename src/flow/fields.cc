// SPDX-License-Identifier: GPL-2.0-or-later
#include "flow/fields.h"

#include <array>

#include "base/error.h"
#include "flow/field_rows.h"

namespace natledger {

namespace {

constexpr auto kFields = std::apply(
    [](const auto&... row) { return std::array<Field, sizeof...(row)>{row.field...}; }, kFieldRows);

constexpr bool names_are_unique() {
  for (size_t i = 0; i < kFields.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (kFields[i].name == kFields[j].name) return false;
    }
  }
  return true;
}
static_assert(names_are_unique());

}  // namespace

std::span<const Field> fields() { return kFields; }

const Field* find_field(std::string_view name) {
  for (const Field& known : kFields) {
    if (known.name == name) return &known;
  }
  return nullptr;
}

const Field& field(std::string_view name) {
  const Field* found = find_field(name);
  check(found != nullptr, "a key without a row in the field table");
  return *found;
}

std::string_view elastic_type(FieldType type) {
  switch (type) {
    case FieldType::kKeyword:
      return "keyword";
    case FieldType::kIp:
      return "ip";
    case FieldType::kShort:
      return "short";
    case FieldType::kInteger:
      return "integer";
    case FieldType::kLong:
      return "long";
    case FieldType::kDate:
      return "date";
    case FieldType::kBoolean:
      break;
  }
  return "boolean";
}

std::string sql_type(const Field& field) {
  std::string text = [&] {
    switch (field.type) {
      case FieldType::kKeyword:
        return "text";
      case FieldType::kIp:
        return "inet";
      case FieldType::kShort:
        return "smallint";
      case FieldType::kInteger:
        return "integer";
      case FieldType::kLong:
        return "bigint";
      case FieldType::kDate:
        return "timestamptz";
      case FieldType::kBoolean:
        break;
    }
    return "boolean";
  }();
  if (field.shape == Shape::kArray) text += "[]";
  return text;
}

std::string_view reader_name(Reader reader) {
  switch (reader) {
    case Reader::kUlogd:
      return "ulogd2";
    case Reader::kEcs:
      return "ECS";
    case Reader::kNatledger:
      break;
  }
  return "natledger";
}

}  // namespace natledger
