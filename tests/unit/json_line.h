// SPDX-License-Identifier: GPL-2.0-or-later
// A line of ours as a document.
#pragma once

#include <string_view>

#include <gtest/gtest.h>
#include <rapidjson/document.h>

namespace natledger {

// Expects one whole line, an object, in UTF-8.
inline rapidjson::Document parse_line(std::string_view line) {
  EXPECT_TRUE(line.ends_with("}\n")) << line;
  EXPECT_EQ(line.find('\n'), line.size() - 1) << "one line";
  rapidjson::Document document;
  document.Parse<rapidjson::kParseValidateEncodingFlag>(line.data(), line.size());
  EXPECT_TRUE(document.IsObject()) << line;
  return document;
}

}  // namespace natledger
