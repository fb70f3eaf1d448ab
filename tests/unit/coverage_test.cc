// SPDX-License-Identifier: GPL-2.0-or-later
// Coverage records: the keys of what is known and no others, in the order of the field table.
#include "encode/coverage.h"

#include <functional>

#include <gtest/gtest.h>

#include "flow/fields.h"
#include "unit/json_line.h"

namespace natledger {
namespace {

using Keys = std::vector<std::string>;

Keys keys_of(const CoverageRecord& record) {
  const auto document = parse_line(encode_coverage(record));
  Keys keys;
  for (const auto& member : document.GetObject()) keys.emplace_back(member.name.GetString());
  return keys;
}

CoverageRecord least() {
  CoverageRecord record;
  record.action = "coverage-stop";
  record.at = *parse_rfc3339("2026-11-22T07:09:00.431574Z");
  record.sequence = 7;
  record.id = "l-e-7";
  return record;
}

const Keys kLeastKeys = {"@timestamp", "event.kind", "event.action", "event.sequence", "event.id"};

TEST(Coverage, TheLeastRecordWhole) {
  EXPECT_EQ(encode_coverage(least()),
            R"({"@timestamp":"2026-11-22T07:09:00.431574Z","event.kind":"state",)"
            R"("event.action":"coverage-stop","event.sequence":7,"event.id":"l-e-7"})"
            "\n");
}

struct MemberCase {
  std::function<void(CoverageRecord&)> fill;
  Keys keys;
};

const Keys kCountKeys = {"coverage.count.received",  "coverage.count.flows",
                         "coverage.count.ignored",   "coverage.count.malformed",
                         "coverage.count.duplicate", "coverage.count.filtered",
                         "coverage.count.dropped"};

void fill_segment(CoverageRecord& record) {
  record.segment_name = "conntrack-0000000000000000001.json";
  record.segment_first = 1;
  record.segment_last = 9;
  record.segment_bytes = 1000;
  record.segment_sha256 = "ab";
  record.segment_previous = "cd";
}

const Keys kSegmentKeys = {"coverage.segment.name",   "coverage.segment.first",
                           "coverage.segment.last",   "coverage.segment.bytes",
                           "coverage.segment.sha256", "coverage.segment.previous"};

// Each member, with values that are easily taken for none.
const MemberCase kMembers[] = {
    {[](CoverageRecord& r) { r.observer = "gw1"; }, {"observer.name"}},
    {[](CoverageRecord& r) { r.from = {1}; }, {"coverage.from"}},
    {[](CoverageRecord& r) { r.to = {1}; }, {"coverage.to"}},
    {[](CoverageRecord& r) { r.reason = "overrun"; }, {"coverage.reason"}},
    {[](CoverageRecord& r) { r.dropped = 0; }, {"coverage.dropped"}},
    {[](CoverageRecord& r) { r.dropped_exact = false; }, {"coverage.dropped_exact"}},
    {[](CoverageRecord& r) { r.from_sequence = 0; }, {"coverage.from_sequence"}},
    {[](CoverageRecord& r) { r.to_sequence = 0; }, {"coverage.to_sequence"}},
    {[](CoverageRecord& r) { r.events = {"new"}; }, {"coverage.events"}},
    {[](CoverageRecord& r) { r.sysctl_acct = 0; }, {"coverage.sysctl.acct"}},
    {[](CoverageRecord& r) { r.sysctl_timestamp = 0; }, {"coverage.sysctl.timestamp"}},
    {[](CoverageRecord& r) { r.sysctl_events = 0; }, {"coverage.sysctl.events"}},
    {[](CoverageRecord& r) { r.kernel = "6.18"; }, {"coverage.kernel"}},
    {[](CoverageRecord& r) { r.boot_id = "b"; }, {"coverage.boot_id"}},
    {[](CoverageRecord& r) { r.version = "1"; }, {"coverage.version"}},
    {[](CoverageRecord& r) { r.clock_synchronised = false; }, {"coverage.clock.synchronised"}},
    {[](CoverageRecord& r) { r.clock_error_ns = 0; }, {"coverage.clock.error_ns"}},
    {[](CoverageRecord& r) { r.clock_step_ns = -1; }, {"coverage.clock.step_ns"}},
    {[](CoverageRecord& r) { r.live_flows = 0; }, {"coverage.live_flows"}},
    {[](CoverageRecord& r) { r.open_from_sequence = 0; }, {"coverage.open_from_sequence"}},
    {[](CoverageRecord& r) { r.carried_over = 0; }, {"coverage.carried_over"}},
    {[](CoverageRecord& r) { r.counts = CoverageCounts{}; }, kCountKeys},
    {fill_segment, kSegmentKeys},
};

TEST(Coverage, EachMemberAddsItsKeysAndNoOthers) {
  for (const MemberCase& c : kMembers) {
    CoverageRecord record = least();
    c.fill(record);
    Keys expected = kLeastKeys;
    expected.insert(expected.end(), c.keys.begin(), c.keys.end());
    EXPECT_EQ(keys_of(record), expected);
  }
}

TEST(Coverage, AFullRecordHasEveryCoverageKeyInTheOrderOfTheTable) {
  CoverageRecord record = least();
  for (const MemberCase& c : kMembers) c.fill(record);
  Keys expected = kLeastKeys;
  for (const Field& f : fields()) {
    if (f.name == "observer.name" || f.origin == Origin::kCoverage) expected.emplace_back(f.name);
  }
  EXPECT_EQ(keys_of(record), expected);
}

bool has_type(const rapidjson::Value& value, FieldType type) {
  switch (type) {
    case FieldType::kShort:
      return value.IsInt() && std::abs(value.GetInt()) <= INT16_MAX;
    case FieldType::kInteger:
      return value.IsInt();
    case FieldType::kLong:
      return value.IsInt64();
    case FieldType::kBoolean:
      return value.IsBool();
    case FieldType::kDate:
      return value.IsString() && parse_rfc3339(value.GetString()).has_value();
    default:
      return value.IsString();
  }
}

TEST(Coverage, ValuesAreOfTheTypesOfTheTable) {
  CoverageRecord record = least();
  for (const MemberCase& c : kMembers) c.fill(record);
  record.counts->received = 1'000'000'000'000;
  record.events = {"new", "destroy"};
  const auto document = parse_line(encode_coverage(record));
  for (const auto& member : document.GetObject()) {
    const Field& f = field(member.name.GetString());
    ASSERT_EQ(member.value.IsArray(), f.shape == Shape::kArray) << f.name;
    if (!member.value.IsArray()) {
      EXPECT_TRUE(has_type(member.value, f.type)) << f.name;
      continue;
    }
    for (const auto& item : member.value.GetArray()) EXPECT_TRUE(has_type(item, f.type)) << f.name;
  }
}

TEST(Coverage, EachCountStandsUnderItsOwnName) {
  CoverageRecord record = least();
  record.counts = CoverageCounts{.received = 1,
                                 .flows = 2,
                                 .ignored = 3,
                                 .malformed = 4,
                                 .duplicate = 5,
                                 .filtered = 6,
                                 .dropped = 7};
  const auto document = parse_line(encode_coverage(record));
  for (size_t i = 0; i < kCountKeys.size(); ++i) {
    EXPECT_EQ(document[kCountKeys[i].c_str()].GetUint64(), i + 1) << kCountKeys[i];
  }
}

TEST(Coverage, ALineIsJsonWhateverTheMachineIsCalled) {
  CoverageRecord record = least();
  record.observer = "g\"w\\\n\x01/z\xc3\xbcrich\xff";
  record.kernel = "\xed\xa0\x80";
  const auto document = parse_line(encode_coverage(record));
  EXPECT_STREQ(document["observer.name"].GetString(), "g\"w\\\n\x01/z\xc3\xbcrich\xef\xbf\xbd");
  EXPECT_STREQ(document["coverage.kernel"].GetString(), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

}  // namespace
}  // namespace natledger
