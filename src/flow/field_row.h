// SPDX-License-Identifier: GPL-2.0-or-later
// What a row of the field table is made of.
#pragma once

#include <cstdint>
#include <string_view>

#include "flow/fields.h"
#include "flow/flow.h"

namespace natledger {

// Values that `put` writes in a way of their own.
struct RecordId {
  uint64_t sequence;
  uint16_t epoch = 0;
};

template <class Read>
struct FieldRow {
  Field field;
  Read read;
};

// The reader of rows that something else fills.
struct NotFromFlow {
  template <class Put>
  constexpr void operator()(const Flow&, const Put&) const {}
};

namespace row {

using enum FieldType;
using enum Shape;
using enum Measure;
using enum Reader;

template <class Read>
constexpr FieldRow<Read> flow(Field field, Read read) {
  return {field, read};
}
constexpr FieldRow<NotFromFlow> of(Origin origin, Field field) {
  field.origin = origin;
  return {field, {}};
}
constexpr auto encoder(Field field) { return of(Origin::kEncoder, field); }
constexpr auto enricher(Field field) { return of(Origin::kEnricher, field); }
constexpr auto coverage(std::string_view name, FieldType type, std::string_view help,
                        Shape shape = kOne) {
  return of(Origin::kCoverage, {name, type, shape, kNatledger, "", help});
}
constexpr auto coverage(std::string_view name, FieldType type, std::string_view help,
                        Measure measure) {
  return of(Origin::kCoverage, {name, type, kOne, kNatledger, "", help, measure});
}

}  // namespace row

}  // namespace natledger
