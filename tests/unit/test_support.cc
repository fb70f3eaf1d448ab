// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit/test_support.h"

#include <stdlib.h>

#include <filesystem>

#include <rapidjson/document.h>

#include "base/error.h"
#include "base/file.h"

namespace natledger {

namespace {

std::string text_of(const rapidjson::Value& row, const char* key) {
  const auto found = row.FindMember(key);
  if (found == row.MemberEnd() || !found->value.IsString()) return {};
  return found->value.GetString();
}

GoldenRow parse_row(std::string_view line) {
  rapidjson::Document row;
  row.Parse(line.data(), line.size());
  check(row.IsObject(), "a line of ulogd-golden.jsonl is no object");
  GoldenRow golden;
  golden.name = text_of(row, "case");
  golden.event = text_of(row, "event");
  golden.mode = text_of(row, "mode");
  golden.tz = text_of(row, "tz");
  golden.ulogd = text_of(row, "ulogd");
  golden.message = from_hex(text_of(row, "netlink_hex"));
  golden.received.ns = row["recv_ns"].IsInt64() ? row["recv_ns"].GetInt64() : 0;
  golden.json = text_of(row, "ulogd_json");
  golden.logemu = text_of(row, "logemu");
  golden.acct = row["sysctl"]["nf_conntrack_acct"].GetInt();
  golden.timestamp = row["sysctl"]["nf_conntrack_timestamp"].GetInt();
  return golden;
}

std::vector<GoldenRow> read_rows() {
  const auto text = read_file(test_data("golden/ulogd-golden.jsonl"));
  check(text.has_value(), "tests/golden/ulogd-golden.jsonl is missing");
  std::vector<GoldenRow> rows;
  for (size_t start = 0; start < text->size();) {
    const size_t end = text->find('\n', start);
    rows.push_back(parse_row(std::string_view{*text}.substr(start, end - start)));
    start = end + 1;
  }
  return rows;
}

std::byte nibble(char c) { return static_cast<std::byte>(c <= '9' ? c - '0' : c - 'a' + 10); }

}  // namespace

const std::vector<GoldenRow>& golden_rows() {
  static const std::vector<GoldenRow> rows = read_rows();
  return rows;
}

const GoldenRow& golden_row(std::string_view name, std::string_view event) {
  for (const GoldenRow& row : golden_rows()) {
    if (row.name == name && row.event == event && row.event_mode() && row.ulogd == "2.0.8") {
      return row;
    }
  }
  check(false, "no such row in ulogd-golden.jsonl");
  return golden_rows().front();
}

TimePoint at(double seconds) {
  return *parse_rfc3339("2026-11-22T12:00:00Z") + Duration{static_cast<int64_t>(seconds * 1e9)};
}

std::vector<std::byte> from_hex(std::string_view hex) {
  std::vector<std::byte> bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(nibble(hex[i]) << 4 | nibble(hex[i + 1]));
  }
  return bytes;
}

std::string test_data(const std::string& path) { return NATLEDGER_TEST_DATA "/" + path; }

TempDir::TempDir() {
  std::string name = std::filesystem::temp_directory_path() / "natledger-test-XXXXXX";
  check(::mkdtemp(name.data()) != nullptr, "no temporary directory");
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void MemorySink::take(const char* end) {
  RecordSink::take(end);
  ++unflushed_;
}

int MemorySink::flush() {
  if (refuse_with != 0) return refuse_with;
  while (kept_.size() != 0) {
    const size_t end = kept_.kept().find('\n');
    lines.emplace_back(kept_.kept().substr(0, end));
    kept_.drop(end + 1);
  }
  unflushed_ = 0;
  return 0;
}

}  // namespace natledger
