// SPDX-License-Identifier: GPL-2.0-or-later
// JSON objects of saved objects, many of which are texts within others.
#pragma once

#include <string>
#include <string_view>

#include "base/json_text.h"

namespace natledger {

class JsonObject {
 public:
  JsonObject& text(std::string_view key, std::string_view value) {
    return json(key, json_string(value));
  }
  JsonObject& number(std::string_view key, int value) { return json(key, std::to_string(value)); }
  JsonObject& flag(std::string_view key, bool value) { return json(key, value ? "true" : "false"); }
  // `value` is JSON.
  JsonObject& json(std::string_view key, std::string_view value) {
    members_.append(members_.empty() ? "" : ",").append(json_string(key)).append(":").append(value);
    return *this;
  }
  std::string str() const { return "{" + members_ + "}"; }

 private:
  std::string members_;
};

// "[a,b]" of what is JSON.
template <class Items, class ToJson>
std::string json_array(const Items& items, ToJson to_json) {
  std::string text;
  for (const auto& item : items) text.append(text.empty() ? "" : ",").append(to_json(item));
  return "[" + text + "]";
}

}  // namespace natledger
