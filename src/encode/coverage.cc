// SPDX-License-Identifier: GPL-2.0-or-later
#include "encode/coverage.h"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include "base/json_text.h"
#include "flow/fields.h"

namespace natledger {

namespace {

// Writes members whose value is there, and checks each key against the field table.
class Members {
 public:
  explicit Members(rapidjson::StringBuffer& buffer) : json_(buffer) { json_.StartObject(); }
  void end() { json_.EndObject(); }

  void put(std::string_view key, const std::string& value) {
    if (value.empty()) return;
    put_key(key);
    put_string(value);
  }
  void put(std::string_view key, TimePoint value) {
    if (value.known()) put(key, utc_text(value));
  }
  void put(std::string_view key, uint64_t value) {
    put_key(key);
    json_.Uint64(value);
  }
  void put(std::string_view key, const std::optional<uint64_t>& value) {
    if (value) put(key, *value);
  }
  void put(std::string_view key, const std::optional<int>& value) {
    if (!value) return;
    put_key(key);
    json_.Int(*value);
  }
  void put(std::string_view key, const std::optional<int64_t>& value) {
    if (!value) return;
    put_key(key);
    json_.Int64(*value);
  }
  void put(std::string_view key, const std::optional<bool>& value) {
    if (!value) return;
    put_key(key);
    json_.Bool(*value);
  }
  void put(std::string_view key, const std::vector<std::string>& values) {
    if (values.empty()) return;
    put_key(key);
    json_.StartArray();
    for (const std::string& value : values) put_string(value);
    json_.EndArray();
  }

 private:
  void put_key(std::string_view key) {
    const std::string_view name = field(key).name;
    json_.Key(name.data(), static_cast<rapidjson::SizeType>(name.size()));
  }
  void put_string(const std::string& value) {
    // RapidJSON passes on what is not UTF-8.
    const std::string text = json_string(value);
    json_.RawValue(text.data(), text.size(), rapidjson::kStringType);
  }

  rapidjson::Writer<rapidjson::StringBuffer> json_;
};

void put_counts(Members& members, const CoverageCounts& counts) {
  members.put("coverage.count.received", counts.received);
  members.put("coverage.count.flows", counts.flows);
  members.put("coverage.count.ignored", counts.ignored);
  members.put("coverage.count.malformed", counts.malformed);
  members.put("coverage.count.duplicate", counts.duplicate);
  members.put("coverage.count.filtered", counts.filtered);
  members.put("coverage.count.dropped", counts.dropped);
}

void put_segment(Members& members, const CoverageRecord& record) {
  members.put("coverage.segment.name", record.segment_name);
  members.put("coverage.segment.first", record.segment_first);
  members.put("coverage.segment.last", record.segment_last);
  members.put("coverage.segment.bytes", record.segment_bytes);
  members.put("coverage.segment.sha256", record.segment_sha256);
  members.put("coverage.segment.previous", record.segment_previous);
}

}  // namespace

std::string encode_coverage(const CoverageRecord& record) {
  rapidjson::StringBuffer buffer;
  Members members{buffer};
  members.put("@timestamp", record.at);
  members.put("event.kind", std::string{"state"});
  members.put("event.action", record.action);
  members.put("event.sequence", record.sequence);
  members.put("event.id", record.id);
  members.put("observer.name", record.observer);
  members.put("coverage.from", record.from);
  members.put("coverage.to", record.to);
  members.put("coverage.reason", record.reason);
  members.put("coverage.dropped", record.dropped);
  members.put("coverage.dropped_exact", record.dropped_exact);
  members.put("coverage.from_sequence", record.from_sequence);
  members.put("coverage.to_sequence", record.to_sequence);
  members.put("coverage.events", record.events);
  members.put("coverage.sysctl.acct", record.sysctl_acct);
  members.put("coverage.sysctl.timestamp", record.sysctl_timestamp);
  members.put("coverage.sysctl.events", record.sysctl_events);
  members.put("coverage.kernel", record.kernel);
  members.put("coverage.boot_id", record.boot_id);
  members.put("coverage.version", record.version);
  members.put("coverage.clock.synchronised", record.clock_synchronised);
  members.put("coverage.clock.error_ns", record.clock_error_ns);
  members.put("coverage.clock.step_ns", record.clock_step_ns);
  members.put("coverage.live_flows", record.live_flows);
  members.put("coverage.open_from_sequence", record.open_from_sequence);
  members.put("coverage.carried_over", record.carried_over);
  if (record.counts) put_counts(members, *record.counts);
  if (!record.segment_name.empty()) put_segment(members, record);
  members.end();
  return std::string{buffer.GetString(), buffer.GetSize()} + "\n";
}

}  // namespace natledger
