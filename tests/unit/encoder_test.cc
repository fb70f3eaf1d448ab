// SPDX-License-Identifier: GPL-2.0-or-later
// The JSON line against the field table: which keys a flow brings, in which order.
#include "encode/encoder.h"

#include <netinet/in.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "decode/decoder.h"
#include "encode/local_time.h"
#include "flow/fields.h"
#include "flow/live_flows.h"
#include "flow/protocol.h"
#include "unit/json_line.h"
#include "unit/test_support.h"
#include "unit/time_zone.h"

namespace natledger {
namespace {

using KeySet = std::set<std::string>;

EncoderOptions options_of_test() {
  EncoderOptions options;
  options.id_prefix = "l-e-";
  return options;
}

std::string encode(const Flow& flow, const EncoderOptions& options = options_of_test(),
                   Record record = Record::kFull) {
  return std::string{make_encoder(record, options)->encode(flow)};
}

size_t row_of(const std::string& name) {
  return static_cast<size_t>(&field(name) - fields().data());
}

// The keys of a line, which stand in the order of the table, each once.
KeySet keys_of(std::string_view line) {
  const auto document = parse_line(line);
  KeySet keys;
  size_t next = 0;
  for (const auto& member : document.GetObject()) {
    const std::string key = member.name.GetString();
    EXPECT_GE(row_of(key), next) << key;
    next = row_of(key) + 1;
    keys.insert(key);
  }
  return keys;
}

// A start of a TCP flow, as tracking leaves it.
Flow tcp_start() {
  Flow flow;
  flow.family = AF_INET;
  for (Leg* leg : {&flow.orig, &flow.reply}) {
    leg->source = *parse_address("192.168.1.129");
    leg->target = *parse_address("19.1.16.7");
    leg->protocol = kTcp;
  }
  flow.sequence = flow.first_sequence = 7;
  flow.receipt = flow.start = {1795331340431574000};
  flow.start_clock = StartClock::kReceipt;
  return flow;
}

KeySet words(const std::string& text) {
  std::istringstream words{text};
  return {std::istream_iterator<std::string>{words}, {}};
}

const KeySet kTcpStartKeys = words(
    "timestamp dvc orig.ip.protocol orig.l4.sport orig.l4.dport orig.raw.pktlen "
    "orig.raw.pktcount reply.ip.protocol reply.l4.sport reply.l4.dport reply.raw.pktlen "
    "reply.raw.pktcount ct.mark ct.id ct.event flow.start.sec flow.start.usec oob.family "
    "oob.protocol src_ip dest_ip reply.ip.saddr.str reply.ip.daddr.str @timestamp event.kind "
    "event.action event.sequence event.id flow.id event.start flow.start.clock "
    "network.transport network.type");

const KeySet kPorts = {"orig.l4.sport", "orig.l4.dport", "reply.l4.sport", "reply.l4.dport"};

const KeySet kStartKeys = {"flow.start.sec", "flow.start.usec", "event.start", "flow.start.clock"};
const KeySet kEndKeys = {"flow.end.sec", "flow.end.usec", "event.end"};

struct KeyCase {
  const char* what;
  void (*change)(Flow&);
  KeySet added;
  KeySet removed = {};
};

void set_protocol(Flow& flow, uint8_t protocol) {
  flow.orig.protocol = flow.reply.protocol = protocol;
}

void set_helper(Flow& flow, std::string_view name) {
  std::copy(name.begin(), name.end(), flow.helper.text.begin());
  flow.helper.bytes = static_cast<uint8_t>(name.size());
}

KeySet with(KeySet keys, const KeySet& more) {
  keys.insert(more.begin(), more.end());
  return keys;
}

const KeyCase kKeyCases[] = {
    {"a start", [](Flow&) {}, {}},
    {"an end",
     [](Flow& f) {
       f.event = Event::kDestroy;
       f.kernel_start = f.start;
       f.end = f.receipt;
     },
     kEndKeys},
    {"an end without the kernel's start",
     [](Flow& f) {
       f.event = Event::kDestroy;
       f.end = f.receipt;
     },
     kEndKeys,
     {"flow.start.sec", "flow.start.usec"}},
    {"an end of which no start is known",
     [](Flow& f) {
       f.event = Event::kDestroy;
       f.end = f.receipt;
       f.start = {};
       f.start_clock = StartClock::kNone;
     },
     kEndKeys, kStartKeys},
    {"an inferred start",
     [](Flow& f) {
       f.from_dump = true;
       f.reason = Reason::kInferred;
       f.start_not_after = f.receipt;
       f.start = {};
       f.start_clock = StartClock::kNone;
     },
     {"event.reason", "flow.start.not_after"},
     kStartKeys},
    {"icmp",
     [](Flow& f) { set_protocol(f, kIcmp); },
     {"icmp.code", "icmp.type", "conntrack.icmp.id"},
     kPorts},
    {"icmpv6",
     [](Flow& f) { set_protocol(f, kIcmp6); },
     {"conntrack.icmp.type", "conntrack.icmp.code", "conntrack.icmp.id"},
     kPorts},
    {"gre without keys", [](Flow& f) { set_protocol(f, kGre); }, {}, kPorts},
    {"gre with one key",
     [](Flow& f) {
       set_protocol(f, kGre);
       f.orig.target_port = 5;
     },
     {"conntrack.gre.key"},
     kPorts},
    {"dccp, whose ports are 0", [](Flow& f) { set_protocol(f, kDccp); }, {}},
    {"a protocol without a name",
     [](Flow& f) { set_protocol(f, 253); },
     {},
     with(kPorts, {"network.transport"})},
    {"an end that nobody told",
     [](Flow& f) {
       f.event = Event::kDestroy;
       f.end_not_before = f.end_not_after = f.start;
     },
     {"flow.end.not_before", "flow.end.not_after"},
     {"flow.start.sec", "flow.start.usec"}},
    {"a zone", [](Flow& f) { f.zone = 1; }, {"conntrack.zone"}},
    {"a zone of one direction",
     [](Flow& f) { f.zone_direction = ZoneDirection::kReply; },
     {"conntrack.zone_direction"}},
    {"a status", [](Flow& f) { f.status = 4; }, {"conntrack.status"}},
    {"a status that every flow has", [](Flow& f) { f.status = 8; }, {}},
    {"offloaded", [](Flow& f) { f.status = 1 << 14; }, {"conntrack.offloaded"}},
    {"a TCP state", [](Flow& f) { f.tcp_state = 3; }, {"conntrack.tcp_state"}},
    {"a TCP state without a name", [](Flow& f) { f.tcp_state = 200; }, {}},
    {"an SCTP state", [](Flow& f) { f.sctp_state = 4; }, {"conntrack.sctp_state"}},
    {"the first label", [](Flow& f) { f.labels.words[0] = 1; }, {"conntrack.labels"}},
    {"the last label",
     [](Flow& f) { f.labels.words[1] = uint64_t{1} << 63; },
     {"conntrack.labels"}},
    {"a helper", [](Flow& f) { set_helper(f, "ftp"); }, {"conntrack.helper"}},
    {"a parent", [](Flow& f) { f.parent_sequence = 3; }, {"flow.parent"}},
};

TEST(Encoder, EachKeyIsThereExactlyWhenTheFlowHasIt) {
  const TimeZone zone{"UTC"};
  for (const KeyCase& c : kKeyCases) {
    Flow flow = tcp_start();
    c.change(flow);
    KeySet expected = with(kTcpStartKeys, c.added);
    for (const std::string& key : c.removed) expected.erase(key);
    EXPECT_EQ(keys_of(encode(flow)), expected) << c.what;
  }
}

TEST(Encoder, EveryRowOfTheTableIsWrittenBySomeFlow) {
  KeySet expected;
  for (const Field& f : fields()) {
    if (f.origin != Origin::kCoverage) expected.emplace(f.name);
  }
  EncoderOptions options = options_of_test();
  options.observer = "gw1";
  options.tags = {"a"};
  KeySet written;
  for (const KeyCase& c : kKeyCases) {
    Flow flow = tcp_start();
    c.change(flow);
    for (const Field& f : fields()) {
      if (f.origin == Origin::kEnricher) flow.annotations.add(f, int64_t{1});
    }
    written.merge(keys_of(encode(flow, options)));
  }
  EXPECT_EQ(written, expected);
}

TEST(Encoder, TheFullLineBeginsWithUlogd2sOwn) {
  const TimeZone zone{"UTC"};
  LiveFlows live{1000};
  uint64_t sequence = 0;
  for (const GoldenRow& row : golden_rows()) {
    Flow flow;
    ASSERT_EQ(decode(row.message, flow), Decoded::kFlow);
    flow.receipt = row.received;
    flow.sequence = ++sequence;
    live.track(flow);
    const std::string full = encode(flow);
    EXPECT_EQ(full.substr(0, full.find(", \"@timestamp\"")) + "}\n",
              encode(flow, options_of_test(), Record::kUlogd));
  }
}

struct OpeningCase {
  bool timestamp, eventv1;
  const char* device;
  const char* opening;
};

TEST(Encoder, TheOptionsOfUlogd2ChangeTheOpeningOnly) {
  const TimeZone zone{"Asia/Kolkata"};
  const std::string rest = R"("orig.ip.protocol": 6, )";
  const OpeningCase cases[] = {
      {true, false, "Netfilter",
       R"({"timestamp": "2026-11-22T12:39:00+0530", "dvc": "Netfilter", )"},
      {true, true, "gw1",
       R"({"@version": 1, "@timestamp": "2026-11-22T12:39:00+0530", "dvc": "gw1", )"},
      {false, false, "", R"({"dvc": "", )"},
      {false, true, "z\xc3\xbcrich", "{\"@version\": 1, \"dvc\": \"z\xc3\xbcrich\", "},
      {true, false, "\xff", R"({"timestamp": "2026-11-22T12:39:00+0530", )"},
      {false, true, "\xff", R"({"@version": 1, )"},
      {false, false, "\xff", "{"},
  };
  const Flow flow = tcp_start();
  const std::string usual = encode(flow, options_of_test(), Record::kUlogd);
  const std::string tail = usual.substr(usual.find(rest));
  for (const OpeningCase& c : cases) {
    EncoderOptions options = options_of_test();
    options.timestamp = c.timestamp;
    options.eventv1 = c.eventv1;
    options.device = c.device;
    const auto encoder = make_encoder(Record::kUlogd, options);
    for (int i = 0; i < 2; ++i) EXPECT_EQ(encoder->encode(flow), c.opening + tail);
  }
}

TEST(Encoder, EachSecondHasItsTimestamp) {
  const TimeZone zone{"UTC"};
  const auto encoder = make_encoder(Record::kUlogd, options_of_test());
  Flow flow = tcp_start();
  for (const int64_t second : {1795331340, 1795331340, 1795331341, 1795331399, 1795331340}) {
    flow.receipt = {second * 1'000'000'000};
    EXPECT_TRUE(encoder->encode(flow).starts_with("{\"timestamp\": \"" + local_iso_text(second)));
  }
}

// The value of a key, as it stands in the line.
std::string value_of(const std::string& line, const std::string& key) {
  const std::string begin = "\"" + key + "\": ";
  const size_t at = line.find(begin);
  if (at == std::string::npos) return "absent";
  const size_t end = std::min(line.find(", \"", at + begin.size()), line.rfind("}\n"));
  return line.substr(at + begin.size(), end - at - begin.size());
}

struct ValueCase {
  const char* key;
  void (*change)(Flow&);
  const char* value;
};

TEST(Encoder, ValuesThatNoRecordingHas) {
  const ValueCase cases[] = {
      {"orig.raw.pktlen", [](Flow& f) { f.orig.bytes = INT64_MAX; }, "9223372036854775807"},
      {"orig.raw.pktlen", [](Flow& f) { f.orig.bytes = uint64_t{1} << 63; },
       "-9223372036854775808"},
      {"reply.raw.pktcount", [](Flow& f) { f.reply.packets = UINT64_MAX; }, "-1"},
      {"ct.mark", [](Flow& f) { f.mark = UINT32_MAX; }, "4294967295"},
      {"flow.parent", [](Flow& f) { f.parent_sequence = UINT64_MAX; },
       "\"l-e-18446744073709551615\""},
      {"event.id", [](Flow&) {}, "\"l-e-7\""},
      {"flow.id", [](Flow& f) { f.first_sequence = 3; }, "\"l-e-3\""},
      {"flow.start.clock", [](Flow& f) { f.start_clock = StartClock::kEvent; }, "\"event\""},
      {"event.action", [](Flow& f) { f.event = Event::kUpdate; }, "\"flow-update\""},
      {"@timestamp",
       [](Flow& f) {
         f.event = Event::kUpdate;
         f.event_time = {kNsPerSecond};
       },
       "\"1970-01-01T00:00:01.000000Z\""},
      {"conntrack.gre.key",
       [](Flow& f) {
         set_protocol(f, kGre);
         f.orig.source_port = 17;
       },
       "[17, 0]"},
      {"conntrack.zone_direction", [](Flow& f) { f.zone_direction = ZoneDirection::kOrig; },
       "\"orig\""},
      {"conntrack.offloaded", [](Flow& f) { f.status = 1 << 15; }, "true"},
      {"conntrack.sctp_state", [](Flow& f) { f.sctp_state = 9; }, "\"HEARTBEAT_ACKED\""},
  };
  for (const ValueCase& c : cases) {
    Flow flow = tcp_start();
    c.change(flow);
    EXPECT_EQ(value_of(encode(flow), c.key), c.value) << c.key;
  }
}

struct TextCase {
  std::string raw;
  std::string json;
};

const TextCase kTexts[] = {
    {"ftp", R"("ftp")"},
    {"a\"b\\c/", R"("a\"b\\c/")"},
    {std::string("\0\x01\x1f\x7f", 4), "\"\\u0000\\u0001\\u001F\x7f\""},
    {"\b\f\n\r\t", R"("\b\f\n\r\t")"},
    {"z\xc3\xbcrich", "\"z\xc3\xbcrich\""},
    {"\xff\xc3", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
};

TEST(Encoder, TextsOfOthersAreEscapedWhereverTheyStand) {
  for (const TextCase& c : kTexts) {
    EncoderOptions options = options_of_test();
    options.label_names[64] = options.observer = c.raw;
    options.tags = {c.raw, "b"};
    Flow flow = tcp_start();
    set_helper(flow, c.raw);
    flow.labels.words = {1, 1};
    flow.annotations.add(field("conntrack.nat.kind"), std::string_view{c.raw});
    const std::string line = encode(flow, options);
    parse_line(line);
    for (const std::string& member :
         {"\"conntrack.labels\": [\"0\", " + c.json + "]", "\"conntrack.helper\": " + c.json,
          "\"conntrack.nat.kind\": " + c.json, "\"observer.name\": " + c.json,
          "\"tags\": [" + c.json + ", \"b\"]"}) {
      EXPECT_NE(line.find(member), std::string::npos) << member << " in " << line;
    }
  }
}

TEST(Encoder, TheLongestLineIsWhole) {
  EncoderOptions options = options_of_test();
  options.id_prefix = std::string(100, 'p') + "-";
  options.observer = options.device = std::string(1000, '\x1f');
  options.tags = std::vector<std::string>(100, std::string(100, '\x1f'));
  for (std::string& name : options.label_names) name = std::string(200, '\x1f');
  Flow flow = tcp_start();
  for (Leg* leg : {&flow.orig, &flow.reply}) {
    leg->source = leg->target = *parse_address("1111:2222:3333:4444:5555:6666:7777:8888");
    leg->packets = leg->bytes = uint64_t{1} << 63;
    leg->source_port = leg->target_port = UINT16_MAX;
  }
  flow.sequence = flow.first_sequence = flow.parent_sequence = UINT64_MAX;
  flow.status = flow.mark = flow.id = UINT32_MAX;
  flow.labels.words = {UINT64_MAX, UINT64_MAX};
  set_helper(flow, std::string(kHelperNameBytes, '\x1f'));
  const std::string text(kMostAnnotationText, '\x1f');
  const Field& any = field("conntrack.nat.kind");
  while (flow.annotations.size() < Annotations::kMost) {
    flow.annotations.add(any, std::string_view{text});
  }
  const auto document = parse_line(encode(flow, options));
  EXPECT_EQ(document["conntrack.labels"].Size(), kLabelBits);
  EXPECT_EQ(document["tags"].Size(), 100U);
}

}  // namespace
}  // namespace natledger
