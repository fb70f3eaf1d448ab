// SPDX-License-Identifier: GPL-2.0-or-later
#include "flow/fields.h"

#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "flow/mapping.h"

namespace natledger {

std::function<int()> add_fields(CLI::App& app);

namespace {

std::string shaped_type(const Field& field) {
  std::string type{elastic_type(field.type)};
  if (field.shape == Shape::kArray) type += "[]";
  return type;
}

void print_table() {
  for (const Field& field : fields()) {
    fmt::print("{:<28} {:<10} {:<10} {:<21} {}\n", field.name, shaped_type(field),
               reader_name(field.reader), field.ecs, field.help);
  }
}

void print_markdown() {
  fmt::print("| key | type | read by | alias | meaning |\n|---|---|---|---|---|\n");
  for (const Field& field : fields()) {
    const std::string alias = field.ecs.empty() ? "" : fmt::format("`{}`", field.ecs);
    fmt::print("| `{}` | {} | {} | {} | {} |\n", field.name, shaped_type(field),
               reader_name(field.reader), alias, field.help);
  }
}

void print_template() { fmt::print("{{\n  \"properties\": {}\n}}\n", elastic_properties()); }

void print_sql() {
  std::string text;
  for (const Field& field : fields()) {
    text += fmt::format("  \"{}\" {},\n", field.name, sql_type(field));
  }
  text.erase(text.size() - 2, 1);
  fmt::print("CREATE TABLE conntrack (\n{});\n", text);
}

}  // namespace

std::function<int()> add_fields(CLI::App& app) {
  const auto format = std::make_shared<std::string>("table");
  app.add_option("--format", *format,
                 "table, markdown, template (Elasticsearch mapping), sql (PostgreSQL)")
      ->check(CLI::IsMember({"table", "markdown", "template", "sql"}))
      ->capture_default_str();
  return [format] {
    if (*format == "markdown") {
      print_markdown();
    } else if (*format == "template") {
      print_template();
    } else if (*format == "sql") {
      print_sql();
    } else {
      print_table();
    }
    return 0;
  };
}

}  // namespace natledger
