// SPDX-License-Identifier: GPL-2.0-or-later
// The field table against ulogd2's recorded lines, the Elastic Common Schema, and itself.
#include "flow/fields.h"

#include <map>
#include <set>

#include <gtest/gtest.h>
#include <rapidjson/document.h>

#include "unit/test_support.h"

namespace natledger {
namespace {

std::vector<std::string> keys_of(const std::string& json) {
  rapidjson::Document document;
  document.Parse(json.data(), json.size());
  EXPECT_TRUE(document.IsObject()) << json;
  std::vector<std::string> keys;
  for (const auto& member : document.GetObject()) keys.emplace_back(member.name.GetString());
  return keys;
}

size_t place_of(std::string_view name) {
  const Field* found = find_field(name);
  return found == nullptr ? fields().size() : static_cast<size_t>(found - fields().data());
}

size_t first_own_row() { return place_of("@timestamp"); }

TEST(Fields, NamesAreUniqueAndFound) {
  std::set<std::string_view> names;
  for (const Field& f : fields()) {
    EXPECT_TRUE(names.insert(f.name).second) << f.name;
    EXPECT_EQ(find_field(f.name), &f) << f.name;
    EXPECT_EQ(&field(f.name), &f) << f.name;
  }
}

TEST(Fields, OnlyWholeNamesAreFound) {
  for (const char* name : {"", "src", "src_ip ", "SRC_IP", "orig", "orig.", "tagss"}) {
    EXPECT_EQ(find_field(name), nullptr) << name;
  }
}

TEST(FieldsDeathTest, AKeyWithoutARowIsABug) {
  EXPECT_DEATH(field("no.such.key"), "a key without a row in the field table");
}

TEST(Fields, TheFirstRowsAreTheKeysOfUlogd2InItsOrder) {
  std::set<std::string> seen;
  for (const GoldenRow& row : golden_rows()) {
    if (row.json.empty() || row.ulogd != "2.0.8") continue;
    size_t last = 0;
    for (const std::string& key : keys_of(row.json)) {
      const size_t at = place_of(key);
      ASSERT_LT(at, first_own_row()) << key;
      ASSERT_TRUE(seen.empty() || key == "timestamp" || at > last) << key << " in " << row.json;
      last = at;
      seen.insert(key);
    }
  }
  EXPECT_EQ(seen.size(), first_own_row()) << "a row that ulogd2 never prints";
  for (size_t i = 0; i < first_own_row(); ++i) {
    EXPECT_EQ(fields()[i].reader, Reader::kUlogd) << fields()[i].name;
  }
}

// Keys whose values need more than their name suggests, or less.
const std::map<std::string_view, FieldType> kTypes = {
    {"orig.ip.protocol", FieldType::kShort},
    {"orig.l4.sport", FieldType::kInteger},  // 65535 is too much for a short
    {"orig.l4.dport", FieldType::kInteger},
    {"reply.l4.sport", FieldType::kInteger},
    {"reply.l4.dport", FieldType::kInteger},
    {"source.nat.port", FieldType::kInteger},
    {"destination.nat.port", FieldType::kInteger},
    {"conntrack.nat.port", FieldType::kInteger},
    {"conntrack.icmp.id", FieldType::kInteger},
    {"conntrack.gre.key", FieldType::kInteger},
    {"conntrack.zone", FieldType::kInteger},
    {"ct.mark", FieldType::kLong},  // 32 bits without a sign
    {"ct.id", FieldType::kLong},
    {"flow.start.sec", FieldType::kLong},
    {"flow.end.sec", FieldType::kLong},
    {"event.duration", FieldType::kLong},
    {"event.sequence", FieldType::kLong},
    {"src_ip", FieldType::kIp},
    {"dest_ip", FieldType::kIp},
    {"reply.ip.saddr.str", FieldType::kIp},
    {"reply.ip.daddr.str", FieldType::kIp},
    {"source.nat.ip", FieldType::kIp},
    {"timestamp", FieldType::kKeyword},  // local time, at times without an offset
    {"@timestamp", FieldType::kDate},
    {"conntrack.public", FieldType::kKeyword},  // address and port in one
    {"conntrack.offloaded", FieldType::kBoolean},
};

TEST(Fields, ATypeHoldsWhatItsKeyMayHold) {
  for (const auto& [name, type] : kTypes) EXPECT_EQ(field(name).type, type) << name;
  for (const Field& f : fields()) {
    if (f.name.ends_with(".bytes") || f.name.ends_with("pktlen") || f.name.ends_with("pktcount") ||
        f.name.starts_with("coverage.count.")) {
      EXPECT_EQ(f.type, FieldType::kLong) << f.name;
    }
  }
}

TEST(Fields, WhatMeasuresIsANumberAndANameMeasuresNothing) {
  for (const Field& f : fields()) {
    Measure expected = f.measure;
    if (f.name.ends_with(".bytes") || f.name.ends_with("pktlen")) expected = Measure::kBytes;
    if (f.name.ends_with("_ns") || f.name == "event.duration") expected = Measure::kNanoseconds;
    if (f.name.ends_with("pktcount") || f.name.find(".count.") != f.name.npos) {
      expected = Measure::kCount;
    }
    for (const char* end : {"port", ".id", ".mark", "sequence", ".sec", ".usec"}) {
      if (f.name.ends_with(end)) expected = Measure::kNothing;
    }
    if (f.name == "flow.duration.sec") expected = Measure::kSeconds;
    EXPECT_EQ(f.measure, expected) << f.name;
    EXPECT_TRUE(f.measure == Measure::kNothing || f.type == FieldType::kLong) << f.name;
  }
}

TEST(Fields, ArraysAreThoseOfTheRecord) {
  std::set<std::string_view> arrays;
  for (const Field& f : fields()) {
    if (f.shape == Shape::kArray) arrays.insert(f.name);
  }
  EXPECT_EQ(arrays, (std::set<std::string_view>{"conntrack.status", "conntrack.labels",
                                                "conntrack.gre.key", "conntrack.nat.port",
                                                "conntrack.public", "tags", "coverage.events"}));
}

TEST(Fields, EcsNamesAreAliasesOfOneKeyAndNoKeyThemselves) {
  const std::map<std::string_view, std::string_view> aliases = {
      {"source.ip", "src_ip"},
      {"source.port", "orig.l4.sport"},
      {"source.bytes", "orig.raw.pktlen"},
      {"source.packets", "orig.raw.pktcount"},
      {"destination.ip", "dest_ip"},
      {"destination.port", "orig.l4.dport"},
      {"destination.bytes", "reply.raw.pktlen"},
      {"destination.packets", "reply.raw.pktcount"},
      {"network.iana_number", "orig.ip.protocol"},
  };
  std::map<std::string_view, std::string_view> found;
  for (const Field& f : fields()) {
    if (f.ecs.empty()) continue;
    EXPECT_TRUE(found.emplace(f.ecs, f.name).second) << f.ecs;
    EXPECT_EQ(find_field(f.ecs), nullptr) << "no value stands in a line twice: " << f.ecs;
  }
  EXPECT_EQ(found, aliases);
}

TEST(Fields, NoKeyIsTheBeginningOfAnother) {
  // Elasticsearch takes dots for objects, and an object cannot be a value too.
  std::set<std::string> both;
  for (const Field& a : fields()) {
    for (const Field& b : fields()) {
      if (b.name.starts_with(std::string{a.name} + ".")) both.emplace(a.name);
    }
  }
  EXPECT_EQ(both, std::set<std::string>{});
}

TEST(Fields, HelpIsOneLineThatFitsATable) {
  for (const Field& f : fields()) {
    EXPECT_FALSE(f.help.empty()) << f.name;
    EXPECT_LE(f.help.size(), 100U) << f.name;
    EXPECT_EQ(f.help.find_first_of("\n|\""), std::string_view::npos) << f.name;
  }
}

TEST(Fields, CoverageKeysAndOnlyTheyBelongToCoverageRecords) {
  for (const Field& f : fields()) {
    EXPECT_EQ(f.origin == Origin::kCoverage, f.name.starts_with("coverage.")) << f.name;
  }
}

struct TypeNames {
  FieldType type;
  const char* elastic;
  const char* sql;
};

TEST(Fields, TypesHaveTheNamesOfElasticsearchAndPostgres) {
  const TypeNames cases[] = {
      {FieldType::kKeyword, "keyword", "text"},    {FieldType::kIp, "ip", "inet"},
      {FieldType::kShort, "short", "smallint"},    {FieldType::kInteger, "integer", "integer"},
      {FieldType::kLong, "long", "bigint"},        {FieldType::kDate, "date", "timestamptz"},
      {FieldType::kBoolean, "boolean", "boolean"},
  };
  for (const TypeNames& c : cases) {
    EXPECT_EQ(elastic_type(c.type), c.elastic);
    Field f{"x", c.type, Shape::kOne, Reader::kEcs, "", ""};
    EXPECT_EQ(sql_type(f), c.sql);
    f.shape = Shape::kArray;
    EXPECT_EQ(sql_type(f), std::string{c.sql} + "[]");
  }
}

TEST(Fields, ReadersHaveNames) {
  EXPECT_EQ(reader_name(Reader::kUlogd), "ulogd2");
  EXPECT_EQ(reader_name(Reader::kEcs), "ECS");
  EXPECT_EQ(reader_name(Reader::kNatledger), "natledger");
}

}  // namespace
}  // namespace natledger
