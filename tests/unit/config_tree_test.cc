// SPDX-License-Identifier: GPL-2.0-or-later
// The tree under the configuration: dotted and nested keys are one, every mistake has its line.
#include "base/config_tree.h"

#include <fstream>

#include <gtest/gtest.h>

#include "base/error.h"
#include "unit/test_support.h"

namespace natledger {
namespace {

using NodeKind = ConfigNode::Kind;

ConfigNode parse(const std::string& text) { return parse_config_text(text, "n.yaml"); }

// "a: {b: 1}" and so on, positions left out.
std::string text_of(const ConfigNode& node) {
  std::string text;
  switch (node.kind) {
    case NodeKind::kNull:
      return "null";
    case NodeKind::kScalar:
      return "'" + node.scalar + "'";
    case NodeKind::kList:
      for (const auto& item : node.list) text += (text.empty() ? "" : ", ") + text_of(item);
      return "[" + text + "]";
    case NodeKind::kMap:
      break;
  }
  for (const auto& [key, value] : node.map) {
    text += (text.empty() ? "" : ", ") + key + ": " + text_of(value);
  }
  return "{" + text + "}";
}

template <class Act>
std::string error_of(Act act) {
  try {
    act();
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

struct TreeCase {
  const char* text;
  const char* tree;
};

TEST(ConfigTree, DottedAndNestedKeysAreTheSameTree) {
  const TreeCase cases[] = {
      {"", "{}"},
      {"# nothing but words\n", "{}"},
      {"a: 1", "{a: '1'}"},
      {"a: ''", "{a: ''}"},
      {"a:", "{a: null}"},
      {"a: {}", "{a: {}}"},
      {"a: [x, [y], {z: 1}]", "{a: ['x', ['y'], {z: '1'}]}"},
      {"a.b: 1", "{a: {b: '1'}}"},
      {"a: {b: 1}", "{a: {b: '1'}}"},
      {"a.b.c: 1\na.b.d: 2\na.e: 3", "{a: {b: {c: '1', d: '2'}, e: '3'}}"},
      {"a.b: {c: 1}\na: {b.d: 2, e: 3}", "{a: {b: {c: '1', d: '2'}, e: '3'}}"},
      {"a: {b: 1}\na.c: 2", "{a: {b: '1', c: '2'}}"},
      {"a: 'quoted: {text}'", "{a: 'quoted: {text}'}"},
      {"a: 0x10", "{a: '0x10'}"},
      {"---\na: 1\n---\n", "{a: '1'}"},
      {"a: 1\n...\n", "{a: '1'}"},
  };
  for (const TreeCase& c : cases) EXPECT_EQ(text_of(parse(c.text)), c.tree) << c.text;
}

TEST(ConfigTree, EveryNodeKnowsItsPlace) {
  const ConfigNode root = parse("\na:\n  b: 1\n  c:\n  - x\n  - {y: 2}\nd.e: 3\n");
  EXPECT_EQ(root.file, "n.yaml");
  const ConfigNode& a = *root.find("a");
  EXPECT_EQ(a.line, 2);
  EXPECT_EQ(a.path, "a");
  EXPECT_EQ(a.find("b")->line, 3);
  EXPECT_EQ(a.find("b")->path, "a.b");
  EXPECT_EQ(a.find("b")->file, "n.yaml");
  const ConfigNode& c = *a.find("c");
  EXPECT_EQ(c.line, 4) << "the line of the key, not of its value";
  EXPECT_EQ(c.list.at(0).line, 5);
  EXPECT_EQ(c.list.at(0).path, "a.c");
  EXPECT_EQ(c.list.at(1).find("y")->line, 6);
  EXPECT_EQ(c.list.at(1).find("y")->path, "a.c.y");
  EXPECT_EQ(root.find("d")->path, "d");
  EXPECT_EQ(root.find("d")->line, 7);
  EXPECT_EQ(root.find("d")->find("e")->path, "d.e");
}

TEST(ConfigTree, FindIsExact) {
  const ConfigNode root = parse("ab: 1\na.b: 2");
  EXPECT_NE(root.find("ab"), nullptr);
  for (const char* key : {"", "A", "abc", "b", "a.b"}) EXPECT_EQ(root.find(key), nullptr) << key;
}

std::string nested(const std::string& open, const std::string& close, int depth) {
  std::string text;
  for (int i = 0; i < depth; ++i) text += open;
  text += "1";
  for (int i = 0; i < depth; ++i) text += close;
  return text;
}

struct Mistake {
  std::string text;
  std::string error;
};

TEST(ConfigTree, MistakesNameTheirPlace) {
  const Mistake cases[] = {
      {"a: 1\na: 2", "n.yaml:2: a: given twice"},
      {"a: 1\n\na: [1]", "n.yaml:3: a: given twice"},
      {"a:\n  b: 1\n  b: 2", "n.yaml:3: a.b: given twice"},
      {"a: {b: 1}\na: {b: 2}", "n.yaml:2: a.b: given twice"},
      {"a: {b: 1}\na.b: 2", "n.yaml:2: a.b: given twice"},
      {"a.b: 1\na: 2", "n.yaml:2: a: given twice"},
      {"a: 2\na.b: 1", "n.yaml:2: a.b: given twice"},
      {"a.b: [1]\na.b: [2]", "n.yaml:2: a.b: given twice"},
      {"a: 1\n[x]: 2", "n.yaml:1: a key must be a name"},
      {"a:\n  {b: 1}: 2", "n.yaml:2: a: a key must be a name"},
      {"- a\n- b", "n.yaml:1: expected `key: value` lines"},
      {"just words", "n.yaml:1: expected `key: value` lines"},
      {"a: 1\nb: [", "n.yaml:2: not YAML: end of sequence flow not found"},
      {"a: 1\n---\nb: 2",
       "n.yaml:3: a second YAML document begins here, and only the first would be read (take out "
       "the `---` or `...` before it)"},
      {"---\n# nothing yet\n---\n\nb: 2\n---\n",
       "n.yaml:5: a second YAML document begins here, and only the first would be read (take out "
       "the `---` or `...` before it)"},
      {"a: 1\n...\nb: 2",
       "n.yaml:3: a second YAML document begins here, and only the first would be read (take out "
       "the `---` or `...` before it)"},
      {"a: 1\n---\nb: [", "n.yaml:3: not YAML: end of sequence flow not found"},
      {"a: {b: 1}\n}", "n.yaml:2: not YAML: illegal flow end"},
      {"a: 1\n---\n]", "n.yaml:3: not YAML: illegal flow end"},
      {", a: 1\n}}]",
       "n.yaml:1: not YAML: from here on it belongs to nothing (is a bracket too many?)"},
      {"a: 1\n\nb: *nowhere", "n.yaml:3: not YAML: the referenced anchor is not defined"},
  };
  for (const Mistake& c : cases) EXPECT_EQ(error_of([&] { parse(c.text); }), c.error) << c.text;
}

TEST(ConfigTree, WhatIsTooDeepIsRefusedRatherThanFollowed) {
  EXPECT_EQ(error_of([] { parse("a: " + nested("[", "]", 15)); }), "no error");
  EXPECT_EQ(error_of([] { parse("a: " + nested("[", "]", 16)); }),
            "n.yaml:1: a: nested too deeply");
  EXPECT_NE(error_of([] { parse("a: " + nested("{b: ", "}", 16)); }).find("nested too deeply"),
            std::string::npos);
  std::string dotted = "a";
  for (int i = 0; i < 200'000; ++i) dotted += ".a";
  const std::string error = error_of([&] { parse("? " + dotted + "\n: 1"); });
  EXPECT_EQ(error.substr(0, 100), "n.yaml:1: nested too deeply");
}

TEST(ConfigTree, AFileIsReadAndAMissingOneNamed) {
  const TempDir dir;
  const std::string path = dir / "n.yaml";
  EXPECT_EQ(error_of([&] { read_config_file(path); }),
            "read configuration " + path +
                ": No such file or directory (name another with --config, or leave it out for the "
                "defaults)");
  std::ofstream{path} << "a: 1\na: 2\n";
  EXPECT_EQ(error_of([&] { read_config_file(path); }), path + ":2: a: given twice");
  std::ofstream{path} << "a: 1\n";
  EXPECT_EQ(text_of(read_config_file(path)), "{a: '1'}");
}

TEST(ConfigTree, AnErrorAtTheRootHasNoPath) {
  EXPECT_EQ(error_of([] { config_error(parse("\n"), "wrong"); }), "n.yaml:1: wrong");
  EXPECT_EQ(error_of([] { config_error(*parse("\na.b: 1").find("a"), "wrong"); }),
            "n.yaml:2: a: wrong");
}

}  // namespace
}  // namespace natledger
