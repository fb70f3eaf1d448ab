// SPDX-License-Identifier: GPL-2.0-or-later
// Our encoder against RapidJSON building the same document from the field table.
//
// Both read the flow through the table's rows; everything from a value to text is the other's own:
// numbers and strings by RapidJSON, addresses by inet_ntop, times by strftime.
#include "encode/encoder.h"

#include <arpa/inet.h>

#include <ctime>

#include <gtest/gtest.h>
#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include "agent/config.h"
#include "decode/decoder.h"
#include "differential/mutation.h"
#include "flow/field_rows.h"
#include "flow/live_flows.h"
#include "unit/test_support.h"

namespace natledger {
namespace {

std::string inet_text(const IpAddress& a) {
  char text[INET6_ADDRSTRLEN] = "";
  const int family = a.family == IpAddress::Family::kV4 ? AF_INET : AF_INET6;
  ::inet_ntop(family, a.bytes.data(), text, sizeof text);
  return text;
}

std::string endpoint_of(const Endpoint& e) {
  const bool v6 = e.address.family == IpAddress::Family::kV6;
  if (!e.port) return inet_text(e.address);
  return (v6 ? "[" : "") + inet_text(e.address) + (v6 ? "]" : "") + ":" + std::to_string(*e.port);
}

std::string utc_of(TimePoint t) {
  const time_t seconds = t.seconds();
  tm parts{};
  ::gmtime_r(&seconds, &parts);
  char date[32], text[48];
  std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
  const int us = static_cast<int>(t.microseconds());
  std::snprintf(text, sizeof text, "%s.%06dZ", date, us);
  return text;
}

// Every byte that is not part of well-formed UTF-8 becomes U+FFFD, told by trying each length.
std::string as_utf8(std::string_view text) {
  std::string clean;
  while (!text.empty()) {
    size_t good = 0;
    for (size_t bytes = 1; bytes <= 4 && bytes <= text.size() && good == 0; ++bytes) {
      const std::string json = "\"" + std::string{text.substr(0, bytes)} + "\"";
      rapidjson::Document document;
      const char first = text[0];
      if (static_cast<unsigned char>(first) < 0x80) {
        good = 1;
        break;
      }
      document.Parse<rapidjson::kParseValidateEncodingFlag>(json.data(), json.size());
      if (!document.HasParseError()) good = bytes;
    }
    clean += good == 0 ? "\xef\xbf\xbd" : text.substr(0, good);
    text.remove_prefix(good == 0 ? 1 : good);
  }
  return clean;
}

class Reference {
 public:
  explicit Reference(const EncoderOptions& options) : options_(options), json_(buffer_) {}

  std::string encode(const Flow& flow, const std::string& timestamp) {
    buffer_.Clear();
    json_.Reset(buffer_);
    json_.StartObject();
    member("timestamp", timestamp);
    member("dvc", options_.device);
    put_rows(kUlogdRows, flow);
    put_rows(kOwnRows, flow);
    for (size_t i = 0; i < flow.annotations.size(); ++i) {
      const Annotation& a = flow.annotations[i];
      std::visit([&](const auto& value) { member(std::string{a.field->name}, value); }, a.value);
    }
    member("observer.name", options_.observer);
    json_.Key("tags");
    array(options_.tags);
    json_.EndObject();
    return buffer_.GetString();
  }

 private:
  template <class Rows>
  void put_rows(const Rows& rows, const Flow& flow) {
    std::apply([&](const auto&... row) { (put_row(row, flow), ...); }, rows);
  }
  template <class Row>
  void put_row(const Row& row, const Flow& flow) {
    row.read(flow, [&](const auto& value) { member(std::string{row.field.name}, value); });
  }
  template <class Value>
  void member(const std::string& key, const Value& value) {
    json_.Key(key.c_str());
    put(value);
  }

  void put(const std::string& text) {
    json_.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
  }
  void put(std::string_view text) { put(std::string{text}); }
  void put(bool value) { json_.Bool(value); }
  void put(uint8_t value) { json_.Uint(value); }
  void put(uint16_t value) { json_.Uint(value); }
  void put(uint32_t value) { json_.Uint(value); }
  void put(uint64_t value) { json_.Uint64(value); }
  void put(int64_t value) { json_.Int64(value); }
  void put(TimePoint t) { put(utc_of(t)); }
  void put(const IpAddress& a) { put(inet_text(a)); }
  void put(const Endpoint& e) { put(endpoint_of(e)); }
  void put(RecordId id) {
    const std::string& prefix =
        id.epoch == 0 ? options_.id_prefix : options_.earlier_id_prefixes[id.epoch - 1];
    put(prefix + std::to_string(id.sequence));
  }
  void put(const HelperName& helper) { put(as_utf8(helper.view())); }
  template <class T>
  void put(const Few<T>& values) {
    array(values.view());
  }
  void put(std::span<const std::string_view> values) { array(values); }
  void put(const Labels& labels) {
    std::vector<std::string> names;
    for (unsigned bit = 0; bit < kLabelBits; ++bit) {
      if ((labels.words[bit / 64] >> bit % 64 & 1) == 0) continue;
      const std::string& name = options_.label_names[bit];
      names.push_back(name.empty() ? std::to_string(bit) : as_utf8(name));
    }
    array(names);
  }
  template <class Values>
  void array(const Values& values) {
    json_.StartArray();
    for (const auto& value : values) put(value);
    json_.EndArray();
  }

  EncoderOptions options_;
  rapidjson::StringBuffer buffer_;
  rapidjson::Writer<rapidjson::StringBuffer> json_;
};

// The same document in RapidJSON's own form; empty when it is no JSON, or no UTF-8.
std::string normalised(std::string_view line) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseValidateEncodingFlag>(line.data(), line.size());
  if (document.HasParseError()) return {};
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer{buffer};
  document.Accept(writer);
  return buffer.GetString();
}

EncoderOptions options_of_test() {
  EncoderOptions options;
  options.id_prefix = "9f3ac2d4e5b1-38f1e4fc42-";
  options.observer = "gw \"1\"/\\ \xc3\xbc";
  options.tags = {"a\tb", "\x01", "\xe2\x82\xac"};
  options.label_names[3] = "eth0-in\"\x1f";
  options.label_names[64] = "bad\xffutf8";
  options.label_names[127] = "\xf0\x9f\x8c\x90";
  return options;
}

// Words that a helper's name or labels may hold if somebody tries.
void add_hard_words(Flow& flow, size_t i) {
  static const std::string_view kWords[] = {"ftp",       "\x01\x02\x1f",         "a\"b\\c/",
                                            "\xff\xfe",  "\xc3\xbc\xe2\x82\xac", "\xed\xa0\x80",
                                            "\xc0\x80x", "\b\f\n\r\t\x7f"};
  const std::string_view word = kWords[i % std::size(kWords)];
  std::copy(word.begin(), word.end(), flow.helper.text.begin());
  flow.helper.bytes = static_cast<uint8_t>(word.size());
  flow.labels.words = {i * 0x9e3779b97f4a7c15, i % 3 == 0 ? ~uint64_t{0} : 1};
}

class EncoderDifferential : public testing::Test {
 protected:
  EncoderDifferential() {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
  }

  // A flow of this message as the pipeline would hand it to the encoder. False when it is none.
  bool make(const Message& message, TimePoint at, Flow& flow) {
    if (decode(message, flow) != Decoded::kFlow) return false;
    flow.receipt = at;
    flow.sequence = ++sequence_;
    live_.track(flow);
    return true;
  }

  void compare(Flow& flow, const std::string& what) {
    for (const auto& enricher : enrichers_) enricher->enrich(flow);
    std::string line = ours_->encode(flow);
    ASSERT_TRUE(line.ends_with("}\n")) << what;
    line.pop_back();
    const std::string timestamp = utc_of(flow.receipt).substr(0, 19);
    ASSERT_EQ(normalised(line), reference_.encode(flow, timestamp)) << what;
  }

  const EncoderOptions options_ = options_of_test();
  std::unique_ptr<Encoder> ours_ = make_json_encoder(Record::kFull, options_);
  Reference reference_{options_};
  std::vector<std::unique_ptr<Enricher>> enrichers_ = make_enrichers(Config{});
  LiveFlows live_{1000};
  uint64_t sequence_ = 0;
};

TEST_F(EncoderDifferential, EveryRecordedMessage) {
  Flow flow;
  for (const GoldenRow& row : golden_rows()) {
    ASSERT_TRUE(make(row.message, row.received, flow)) << row.name;
    compare(flow, row.name);
  }
}

TEST_F(EncoderDifferential, AMillionMutations) {
  constexpr size_t kMutations = 1'000'000;
  Mutator mutator{42};
  size_t compared = 0;
  Flow flow;
  for (size_t i = 0; i < kMutations; ++i) {
    const GoldenRow& row = golden_rows()[i % golden_rows().size()];
    if (!make(mutator.mutate(row.message), row.received, flow)) continue;
    if (i % 4 == 0) add_hard_words(flow, i);
    compare(flow, row.name + " mutation " + std::to_string(i));
    if (HasFatalFailure()) return;
    ++compared;
  }
  std::printf("%zu mutations: %zu compared\n", kMutations, compared);
  EXPECT_GE(compared, kMutations * 30 / 100);
}

}  // namespace
}  // namespace natledger
