// SPDX-License-Identifier: GPL-2.0-or-later
// The table of every key that a record may have. field_rows.h holds the rows; this is how the rest
// of the program looks at them: templates, help, docs, checks.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace natledger {

// The type in Elasticsearch. In SQL: text, inet, smallint to bigint, timestamptz, boolean.
enum class FieldType : uint8_t { kKeyword, kIp, kShort, kInteger, kLong, kDate, kBoolean };

// Whether a record holds one value or an array of them.
enum class Shape : uint8_t { kOne, kArray };

// Who reads the key, and so who suffers if it changes.
enum class Reader : uint8_t {
  kUlogd,      // everything that parses ulogd2's lines
  kEcs,        // dashboards and rules made for the Elastic Common Schema
  kNatledger,  // `who`, our dashboards
};

// What a number measures, for those who show it. kNothing: it is a name, such as a port, and is
// read digit by digit.
enum class Measure : uint8_t { kNothing, kCount, kBytes, kSeconds, kNanoseconds };

// Who puts the value into a record.
enum class Origin : uint8_t {
  kFlow,      // read from the Flow, by the row itself
  kEncoder,   // known to the encoder: options, the clock
  kEnricher,  // an annotation
  kCoverage,  // coverage records only
};

struct Field {
  std::string_view name;
  FieldType type;
  Shape shape;
  Reader reader;
  std::string_view ecs;   // the ECS name that becomes an alias of this key; may be empty
  std::string_view help;  // one line
  Measure measure = Measure::kNothing;
  Origin origin = Origin::kFlow;
};

// Every row, in the order in which an encoder writes them.
std::span<const Field> fields();

// The row of a key. It must exist.
const Field& field(std::string_view name);
// The row of a key, or null.
const Field* find_field(std::string_view name);

std::string_view elastic_type(FieldType type);
std::string sql_type(const Field& field);
std::string_view reader_name(Reader reader);

}  // namespace natledger
