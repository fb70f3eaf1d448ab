// SPDX-License-Identifier: GPL-2.0-or-later
// Options as rows: what each rule reads, what it refuses in which words, what it writes back.
#include "base/option.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace natledger {
namespace {

// A section with an option of each kind.
struct Section {
  std::string text = "t";
  std::string choice = "one";
  std::vector<std::string> list;
  uint64_t count = 2;
  uint64_t size = 1024;
  Duration duration = std::chrono::seconds{1};
};

constexpr std::string_view kChoices[] = {"one", "two"};
const Option<Section> kOptions[] = {
    {"text", &Section::text, "", TextRule{}},
    {"choice", &Section::choice, "", TextRule{kChoices}},
    {"list", &Section::list, "", ListRule{}},
    {"count", &Section::count, "", CountRule{2, 10}},
    {"size", &Section::size, "", SizeRule{1024, 1 << 20}},
    {"duration", &Section::duration, "", DurationRule{}},
};

Section read(const std::string& text) {
  constexpr std::string_view kSubsections[] = {"below"};
  Section section;
  read_options(parse_config_text(text, "n.yaml"), kOptions, section, kSubsections);
  return section;
}

std::string error_of(const std::string& text) {
  try {
    read(text);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

std::string written(const Section& section) {
  std::string text;
  for (const auto& option : kOptions) {
    text.append(option.name).append(": ").append(option.write(section)).append("\n");
  }
  return text;
}

TEST(Options, EachKindIsRead) {
  const Section s = read(
      "text: words here\nchoice: two\nlist: [a, b]\ncount: 0x9\nsize: 64KiB\n"
      "duration: 36h\n"
      "below: {x: 1}");
  EXPECT_EQ(s.text, "words here");
  EXPECT_EQ(s.choice, "two");
  EXPECT_EQ(s.list, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(s.count, 9U);
  EXPECT_EQ(s.size, 65536U);
  EXPECT_EQ(s.duration, std::chrono::hours{36});
}

TEST(Options, WhatIsNotGivenKeepsItsDefault) {
  EXPECT_EQ(written(read("")), written(Section{}));
  EXPECT_TRUE(read("list: []").list.empty());
}

TEST(Options, TheBoundsThemselvesAreAllowed) {
  for (const char* text : {"count: 2", "count: 10", "size: 1KiB", "size: 1MiB"}) {
    EXPECT_EQ(error_of(text), "no error") << text;
  }
}

struct Mistake {
  const char* text;
  const char* error;
};

TEST(Options, Mistakes) {
  const Mistake cases[] = {
      {"text: [a]", "n.yaml:1: text: expected a text"},
      {"text:", "n.yaml:1: text: expected a text"},
      {"\nchoice: [one]", "n.yaml:2: choice: expected one of one, two"},
      {"choice: tow", "n.yaml:1: choice: unknown value \"tow\"; did you mean \"two\"?"},
      {"choice: three", "n.yaml:1: choice: unknown value \"three\"; one of one, two"},
      {"list: a", "n.yaml:1: list: expected a list, [a, b]"},
      {"list:\n- a\n- {b: 1}", "n.yaml:3: list: expected a text"},
      {"count: {}", "n.yaml:1: count: expected a whole number"},
      {"count: some", "n.yaml:1: count: \"some\" is not a whole number"},
      {"count: 1", "n.yaml:1: count: 1 is below the least, 2"},
      {"count: 11", "n.yaml:1: count: 11 is above the most, 10"},
      {"size: 1MB", "n.yaml:1: size: \"1MB\" is not a size such as 64MiB"},
      {"size: 1023", "n.yaml:1: size: 1023 is below the least, 1KiB"},
      {"size: 2MiB", "n.yaml:1: size: 2MiB is above the most, 1MiB"},
      {"duration: [1s]", "n.yaml:1: duration: expected a time such as 90s or 1h"},
      {"duration: 1w", "n.yaml:1: duration: \"1w\" is not a time such as 90s or 1h"},
      {"cuont: 5", "n.yaml:1: cuont: unknown option; did you mean \"count\"?"},
      {"belwo: {}", "n.yaml:1: belwo: unknown option; did you mean \"below\"?"},
      {"Text: a", "n.yaml:1: Text: unknown option; did you mean \"text\"?"},
  };
  for (const Mistake& c : cases) EXPECT_EQ(error_of(c.text), c.error) << c.text;
}

TEST(Options, AnyTextThatIsWrittenReadsBackTheSame) {
  const std::string hard[] = {
      "",           "plain",
      "two words",  "null",
      "Null",       "NULL",
      "~",          "true",
      "-",          "--",
      "---",        "...",
      ".",          "0x10",
      "1e3",        "a: b",
      "#",          "a #b",
      "[x]",        "{x}",
      "\"",         "'",
      "\\",         "&a",
      "*a",         "!t",
      "%d",         "line\n",
      "\ttab",      "\x01\x1f",
      " ",          " a ",
      ",",          "z\xc3\xbcrich",
      "/a/b-c_d.e", "=",
      "<<",         "-1",
      "- a",        "?",
      "\x7f",       "\xf0\x9f\x8c\x90",
  };
  for (const std::string& text : hard) {
    Section section;
    section.text = text;
    section.list = {text, text};
    ASSERT_EQ(error_of(written(section)), "no error") << text;
    const Section back = read(written(section));
    EXPECT_EQ(back.text, text);
    EXPECT_EQ(back.list, section.list);
  }
}

TEST(Options, EachRuleSaysWhatItAllows) {
  std::vector<std::string> allowed;
  for (const auto& option : kOptions) allowed.push_back(option.allowed);
  EXPECT_EQ(allowed, (std::vector<std::string>{"a text", "one of one, two", "a list, [a, b]",
                                               "a whole number", "a size such as 64MiB",
                                               "a time such as 90s or 1h"}));
}

}  // namespace
}  // namespace natledger
