// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/drop_fields.h"

#include <algorithm>

namespace natledger {

namespace {

// Behind the member that begins at `at`: the place of its ',' or of the closing '}'.
size_t end_of_member(std::string_view line, size_t at) {
  int depth = 0;
  bool quoted = false;
  for (; at < line.size(); ++at) {
    const char c = line[at];
    if (quoted) {
      if (c == '\\') ++at;
      if (c == '"') quoted = false;
      continue;
    }
    if (c == '"') quoted = true;
    if (depth == 0 && (c == ',' || c == '}')) break;
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
  }
  return std::min(at, line.size());
}

}  // namespace

bool FieldDropper::drops(std::string_view member) const {
  return std::ranges::any_of(names_, [&](const std::string& name) {
    return member.size() > name.size() + 1 && member.substr(1).starts_with(name) &&
           member[name.size() + 1] == '"';
  });
}

std::string_view FieldDropper::without(std::string_view line) {
  if (names_.empty()) return line;
  kept_.clear();
  kept_ += '{';
  for (size_t at = 1; at < line.size() && line[at] == '"';) {
    const size_t end = end_of_member(line, at);
    const std::string_view member = line.substr(at, end - at);
    if (!drops(member)) kept_.append(kept_.size() > 1 ? ", " : "").append(member);
    at = line.find_first_not_of(' ', end + 1);
  }
  return kept_ += '}';
}

}  // namespace natledger
