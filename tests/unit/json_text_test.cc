// SPDX-License-Identifier: GPL-2.0-or-later
// JSON strings: jansson's escapes byte by byte, and UTF-8 as RFC 3629 counts it.
#include "base/json_text.h"

#include <random>

#include <gtest/gtest.h>
#include <rapidjson/document.h>

namespace natledger {
namespace {

const std::string kReplacement = "\xef\xbf\xbd";

// What RapidJSON reads back; nothing when it is no JSON, or not UTF-8.
std::optional<std::string> read_back(const std::string& json) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseValidateEncodingFlag>(json.data(), json.size());
  if (document.HasParseError() || !document.IsString()) return {};
  return std::string{document.GetString(), document.GetStringLength()};
}

// As RFC 3629's table has it.
std::string utf8_of(uint32_t code) {
  const auto tail = [code](int shift) { return static_cast<char>(0x80 | (code >> shift & 0x3f)); };
  if (code < 0x80) return {static_cast<char>(code)};
  if (code < 0x800) return {static_cast<char>(0xc0 | code >> 6), tail(0)};
  if (code < 0x10000) return {static_cast<char>(0xe0 | code >> 12), tail(6), tail(0)};
  return {static_cast<char>(0xf0 | code >> 18), tail(12), tail(6), tail(0)};
}

// json_dumps of jansson 2.14 for a string of this one byte.
std::string jansson_text(unsigned byte) {
  switch (byte) {
    case '"':
      return R"(\")";
    case '\\':
      return R"(\\)";
    case 8:
      return R"(\b)";
    case 9:
      return R"(\t)";
    case 10:
      return R"(\n)";
    case 12:
      return R"(\f)";
    case 13:
      return R"(\r)";
    default:
      break;
  }
  if (byte >= 0x80) return kReplacement;
  if (byte >= 0x20) return {static_cast<char>(byte)};
  char text[8];
  std::snprintf(text, sizeof text, "\\u%04X", byte);
  return text;
}

TEST(JsonText, EveryByteAloneAndBetweenOthers) {
  for (unsigned byte = 0; byte < 256; ++byte) {
    const std::string text(1, static_cast<char>(byte));
    EXPECT_EQ(json_string(text), "\"" + jansson_text(byte) + "\"") << byte;
    EXPECT_EQ(json_string("a" + text + "b"), "\"a" + jansson_text(byte) + "b\"") << byte;
    if (byte < 0x80) {
      EXPECT_EQ(read_back(json_string(text)), text) << byte;
    }
  }
}

TEST(JsonText, AnEmptyTextIsTwoQuotes) { EXPECT_EQ(json_string(""), "\"\""); }

TEST(JsonText, EveryCodePointStaysAsItIs) {
  for (uint32_t code = 0x80; code <= 0x10ffff; ++code) {
    const std::string text = utf8_of(code);
    if (code >= 0xd800 && code <= 0xdfff) {
      ASSERT_FALSE(is_utf8(text)) << code;
      ASSERT_EQ(json_string(text), "\"" + kReplacement + kReplacement + kReplacement + "\"");
      continue;
    }
    ASSERT_TRUE(is_utf8(text)) << code;
    ASSERT_EQ(json_string(text), "\"" + text + "\"") << code;
  }
}

// How many texts of `bytes` bytes with a first byte in [first, last] are UTF-8.
size_t count_well_formed(size_t bytes, unsigned first, unsigned last) {
  size_t count = 0;
  std::string text(bytes, '\0');
  for (unsigned lead = first; lead <= last; ++lead) {
    text[0] = static_cast<char>(lead);
    for (unsigned rest = 0; rest < 1U << 8 * (bytes - 1); ++rest) {
      for (size_t i = 1; i < bytes; ++i) text[i] = static_cast<char>(rest >> 8 * (i - 1));
      if (is_utf8(text)) ++count;
    }
  }
  return count;
}

TEST(JsonText, NoOtherShortSequenceIsUtf8) {
  EXPECT_EQ(count_well_formed(1, 0, 0xff), 0x80U);
  EXPECT_EQ(count_well_formed(2, 0x80, 0xff), 0x800U - 0x80U);
  EXPECT_EQ(count_well_formed(3, 0xe0, 0xff), 0x10000U - 0x800U - 0x800U) << "but surrogates";
}

struct BrokenCase {
  const char* what;
  std::string text;
  size_t replaced;        // bytes that become U+FFFD
  std::string kept = "";  // what follows them
};

TEST(JsonText, EachByteThatIsNotUtf8BecomesOneReplacement) {
  const BrokenCase cases[] = {
      {"a lone continuation", "\x80", 1},
      {"a sequence cut at the end", "\xe2\x82", 2},
      {"a sequence cut by ASCII",
       "\xf0\x9f\x8c"
       "A",
       3, "A"},
      {"a sequence cut by a sequence", "\xe2\x82\xc3\xbc", 2, "\xc3\xbc"},
      {"overlong of two", "\xc0\x80", 2},
      {"overlong of two, the last", "\xc1\xbf", 2},
      {"overlong of three", "\xe0\x9f\xbf", 3},
      {"overlong of four", "\xf0\x8f\xbf\xbf", 4},
      {"beyond U+10FFFF", "\xf4\x90\x80\x80", 4},
      {"a lead that never is", "\xf5\x80\x80\x80", 4},
      {"five bytes", "\xf8\x88\x80\x80\x80", 5},
      {"FE and FF", "\xfe\xff", 2},
  };
  for (const BrokenCase& c : cases) {
    std::string expected = "\"";
    for (size_t i = 0; i < c.replaced; ++i) expected += kReplacement;
    EXPECT_EQ(json_string(c.text), expected + c.kept + "\"") << c.what;
    EXPECT_FALSE(is_utf8(c.text)) << c.what;
  }
  for (const char* good : {"", "abc", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "z\xc3\xbcrich"}) {
    EXPECT_TRUE(is_utf8(good)) << good;
  }
}

TEST(JsonText, AnyBytesMakeAJsonStringThatFits) {
  std::mt19937_64 random{3};
  // Mostly bytes that matter to UTF-8 and to escapes.
  const std::string hard("\x80\xbf\xc2\xdf\xe0\xed\xef\xf0\xf4\xa0\x9f\x90\"\\\n\0/a\x7f\xff", 20);
  for (int i = 0; i < 200'000; ++i) {
    std::string text(random() % 12, '\0');
    for (char& c : text) c = hard[random() % hard.size()];
    const std::string json = json_string(text);
    ASSERT_LE(json.size(), json_string_bytes(text.size()));
    const auto back = read_back(json);
    ASSERT_TRUE(back) << json;
    ASSERT_EQ(*back == text, is_utf8(text)) << json;
  }
}

TEST(JsonText, TheRoomPromisedIsEnoughForTheWorst) {
  EXPECT_EQ(json_string(std::string(10, '\x1f')).size(), json_string_bytes(10));
}

}  // namespace
}  // namespace natledger
