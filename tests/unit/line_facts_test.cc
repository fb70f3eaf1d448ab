// SPDX-License-Identifier: GPL-2.0-or-later
// What the index reads in a line quickly is what the parser reads in it, whatever the line.
#include "lookup/line_facts.h"

#include <filesystem>
#include <fstream>
#include <random>

#include <gtest/gtest.h>

namespace natledger {
namespace {

std::string text_of(const LineFacts& facts) {
  std::string text = std::to_string(static_cast<int>(facts.kind)) + " " +
                     std::to_string(facts.at.ns) + " " + std::to_string(facts.flow) + " " +
                     std::to_string(facts.protocol) + " " + std::to_string(facts.start.ns) + " " +
                     std::to_string(facts.end.ns);
  for (const PublicEnd& end : facts.ends) {
    text += " " + endpoint_text(end.seen) + (end.id_unknown ? "?" : "") + "<" +
            address_text(end.remote);
  }
  return text;
}

std::string quick(const std::string& line) {
  LineFacts facts;
  read_line_facts(line, 7, facts);
  return text_of(facts);
}

std::string parsed(const std::string& line) {
  LineFacts facts;
  parse_line_facts(line, 7, facts);
  return text_of(facts);
}

std::vector<std::string> golden_lines() {
  std::vector<std::string> lines;
  const std::filesystem::path golden{NATLEDGER_TEST_DATA "/golden"};
  for (const auto& entry : std::filesystem::recursive_directory_iterator{golden}) {
    if (entry.path().filename() != "full.jsonl") continue;
    std::ifstream file{entry.path()};
    for (std::string line; std::getline(file, line);) lines.push_back(line);
  }
  return lines;
}

TEST(LineFacts, OfEachKindOfFlow) {
  const std::vector<std::string> lines = golden_lines();
  ASSERT_GT(lines.size(), 50U);
  for (const std::string& line : lines) EXPECT_EQ(quick(line), parsed(line)) << line;
}

// Damage must not make the two say different things of a line.
TEST(LineFacts, OfDamagedLines) {
  std::mt19937 random{1};
  const auto below = [&](size_t most) { return random() % most; };
  constexpr std::string_view kBytes = "\"\\{}[]:, 0x9-\x01\xff";
  const std::vector<std::string> lines = golden_lines();
  for (int i = 0; i < 20'000; ++i) {
    std::string line = lines[below(lines.size())];
    for (size_t changes = 1 + below(2); changes > 0; --changes) {
      const size_t at = below(line.size());
      switch (below(4)) {
        case 0:
          line[at] = kBytes[below(kBytes.size())];
          break;
        case 1:
          line.erase(at, 1 + below(40));
          break;
        case 2:
          line.insert(at, line.substr(below(line.size()), 1 + below(60)));
          break;
        default:
          line[at] = static_cast<char>(line[at] ^ (1 << below(8)));
      }
    }
    ASSERT_EQ(quick(line), parsed(line)) << line;
  }
}

TEST(LineFacts, OfCoverageRecords) {
  const auto kind_of = [](const std::string& action) {
    LineFacts facts;
    read_line_facts(R"({"@timestamp":"2026-11-22T07:09:00.000000Z","event.kind":"state",)"
                    R"("event.sequence":7,"event.action":")" +
                        action +
                        R"(","coverage.from":"2026-11-22T07:09:00.000000Z",)"
                        R"("coverage.to":"2026-11-22T07:09:00.000000Z"})",
                    7, facts);
    return facts.kind;
  };
  EXPECT_EQ(kind_of("coverage-gap"), LineFacts::Kind::kKept);
  EXPECT_EQ(kind_of("an-action-to-come"), LineFacts::Kind::kKept);
  EXPECT_EQ(kind_of("segment-sealed"), LineFacts::Kind::kTimeless);
  EXPECT_EQ(kind_of("heartbeat"), LineFacts::Kind::kTime);
}

TEST(LineFacts, WhatIsNoRecordIsKept) {
  for (const char* line : {"", "{}", "{\"event.sequence\": 7}", "[1, 2]"}) {
    LineFacts facts;
    read_line_facts(line, 7, facts);
    EXPECT_EQ(facts.kind, LineFacts::Kind::kKept) << line;
  }
}

}  // namespace
}  // namespace natledger
