// SPDX-License-Identifier: GPL-2.0-or-later
#include "flow/mapping.h"

#include "flow/fields.h"

namespace natledger {

namespace {

void add(std::string& text, std::string_view name, const std::string& what) {
  text += text.empty() ? "" : ",\n";
  text += "    \"";
  text += name;
  text += "\": {" + what + "}";
}

}  // namespace

std::string elastic_properties() {
  std::string text;
  for (const Field& field : fields()) {
    add(text, field.name, "\"type\": \"" + std::string{elastic_type(field.type)} + "\"");
  }
  for (const Field& field : fields()) {
    if (field.ecs.empty()) continue;
    add(text, field.ecs, "\"type\": \"alias\", \"path\": \"" + std::string{field.name} + "\"");
  }
  return "{\n" + text + "\n  }";
}

}  // namespace natledger
