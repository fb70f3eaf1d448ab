// SPDX-License-Identifier: GPL-2.0-or-later
// What a translation is called, and which address the outside saw: each kind, from two tuples.
#include <gtest/gtest.h>

#include "enrich/enrichers.h"
#include "flow/fields.h"
#include "flow/protocol.h"

namespace natledger {
namespace {

// Values as text, those of an array with a comma between them.
struct ToText {
  std::string operator()(int64_t value) const { return std::to_string(value); }
  std::string operator()(std::string_view value) const { return std::string{value}; }
  std::string operator()(const IpAddress& value) const { return address_text(value); }
  std::string operator()(const Endpoint& value) const { return endpoint_text(value); }
  std::string operator()(const Few<uint64_t>& values) const {
    return list(values, [](uint64_t value) { return std::to_string(value); });
  }
  std::string operator()(const Few<Endpoint>& values) const { return list(values, endpoint_text); }

  template <class T, class Text>
  static std::string list(const Few<T>& values, const Text& text) {
    std::string all;
    for (const T& value : values.view()) all += (all.empty() ? "" : ",") + text(value);
    return all;
  }
};

// The two tuples of a flow. A port is an id for ICMP and a key for GRE.
struct Tuples {
  const char* orig_source;
  const char* orig_target;
  const char* reply_source;
  const char* reply_target;
  uint8_t protocol = kTcp;
};

Leg leg(const char* source, const char* target, uint8_t protocol) {
  const Endpoint from = *parse_endpoint(source);
  const Endpoint to = *parse_endpoint(target);
  Leg made;
  made.source = from.address;
  made.target = to.address;
  made.protocol = protocol;
  if (is_icmp(protocol)) {
    made.icmp_id = from.port.value_or(0);
  } else {
    made.source_port = from.port.value_or(0);
    made.target_port = to.port.value_or(0);
  }
  return made;
}

// One "key=value" an annotation, sorted as they were added.
std::string enriched(const Tuples& t) {
  Flow flow;
  flow.orig = leg(t.orig_source, t.orig_target, t.protocol);
  flow.reply = leg(t.reply_source, t.reply_target, t.protocol);
  find_enricher("nat")->make(nullptr)->enrich(flow);
  std::string text;
  for (size_t i = 0; i < flow.annotations.size(); ++i) {
    const Annotation& annotation = flow.annotations[i];
    text.append(text.empty() ? "" : " ").append(annotation.field->name).append("=");
    text += std::visit(ToText{}, annotation.value);
  }
  return text;
}

struct NatCase {
  const char* name;
  Tuples tuples;
  const char* adds;
};
void PrintTo(const NatCase& c, std::ostream* out) { *out << c.name; }

class NatTable : public testing::TestWithParam<NatCase> {};

TEST_P(NatTable, Adds) { EXPECT_EQ(enriched(GetParam().tuples), GetParam().adds); }

const NatCase kIpv4[] = {
    {"none",
     {"192.168.1.129:53400", "19.1.16.7:443", "19.1.16.7:443", "192.168.1.129:53400"},
     "conntrack.nat.kind=none conntrack.public=192.168.1.129:53400 "
     "conntrack.inside=192.168.1.129:53400"},
    {"snat_that_kept_the_port",
     {"192.168.1.129:53400", "19.1.16.7:443", "19.1.16.7:443", "1.2.3.4:53400"},
     "source.nat.ip=1.2.3.4 source.nat.port=53400 conntrack.nat.kind=snat "
     "conntrack.nat.port=53400 conntrack.public=1.2.3.4:53400 "
     "conntrack.inside=192.168.1.129:53400"},
    {"masquerade_that_rewrote_the_port",
     {"192.168.1.129:53400", "19.1.16.7:443", "19.1.16.7:443", "1.2.3.4:53500"},
     "source.nat.ip=1.2.3.4 source.nat.port=53500 conntrack.nat.kind=snat "
     "conntrack.nat.port=53500 conntrack.public=1.2.3.4:53500 "
     "conntrack.inside=192.168.1.129:53400"},
    {"snat_of_the_port_alone",
     {"1.2.3.4:53400", "19.1.16.7:443", "19.1.16.7:443", "1.2.3.4:1024"},
     "source.nat.ip=1.2.3.4 source.nat.port=1024 conntrack.nat.kind=snat conntrack.nat.port=1024 "
     "conntrack.public=1.2.3.4:1024 conntrack.inside=1.2.3.4:53400"},
    {"dnat",
     {"19.1.16.7:40000", "1.2.3.4:80", "192.168.1.10:8080", "19.1.16.7:40000"},
     "destination.nat.ip=192.168.1.10 destination.nat.port=8080 conntrack.nat.kind=dnat "
     "conntrack.nat.port=8080 conntrack.public=1.2.3.4:80 conntrack.inside=192.168.1.10:8080"},
    {"dnat_of_the_port_alone",
     {"192.168.1.129:40000", "192.168.1.1:80", "192.168.1.1:3128", "192.168.1.129:40000"},
     "destination.nat.ip=192.168.1.1 destination.nat.port=3128 conntrack.nat.kind=dnat "
     "conntrack.nat.port=3128 conntrack.public=192.168.1.1:80 conntrack.inside=192.168.1.1:3128"},
    {"both",
     {"192.168.1.129:53400", "1.2.3.4:80", "192.168.1.10:8080", "192.168.1.1:1024"},
     "source.nat.ip=192.168.1.1 source.nat.port=1024 destination.nat.ip=192.168.1.10 "
     "destination.nat.port=8080 conntrack.nat.kind=both conntrack.nat.port=1024,8080 "
     "conntrack.public=192.168.1.1:1024,1.2.3.4:80 conntrack.inside=192.168.1.129:53400"},
    {"udp",
     {"192.168.1.129:5060", "19.1.16.7:53", "19.1.16.7:53", "1.2.3.4:65535", kUdp},
     "source.nat.ip=1.2.3.4 source.nat.port=65535 conntrack.nat.kind=snat "
     "conntrack.nat.port=65535 conntrack.public=1.2.3.4:65535 "
     "conntrack.inside=192.168.1.129:5060"},
    // Nothing may be left out because it is 0.
    {"port_0",
     {"192.168.1.129:0", "19.1.16.7:53", "19.1.16.7:53", "1.2.3.4:0", kUdp},
     "source.nat.ip=1.2.3.4 source.nat.port=0 conntrack.nat.kind=snat conntrack.nat.port=0 "
     "conntrack.public=1.2.3.4:0 conntrack.inside=192.168.1.129:0"},
};

const NatCase kIpv6[] = {
    {"none",
     {"[2001:db8::1]:53400", "[2001:db8:f::2]:443", "[2001:db8:f::2]:443", "[2001:db8::1]:53400"},
     "conntrack.nat.kind=none conntrack.public=[2001:db8::1]:53400 "
     "conntrack.inside=[2001:db8::1]:53400"},
    {"snat",
     {"[fd00::1]:53400", "[2001:db8:f::2]:443", "[2001:db8:f::2]:443", "[2001:db8::9]:53500"},
     "source.nat.ip=2001:db8::9 source.nat.port=53500 conntrack.nat.kind=snat "
     "conntrack.nat.port=53500 conntrack.public=[2001:db8::9]:53500 "
     "conntrack.inside=[fd00::1]:53400"},
    {"dnat",
     {"[2001:db8:f::2]:40000", "[2001:db8::9]:80", "[fd00::1]:80", "[2001:db8:f::2]:40000"},
     "destination.nat.ip=fd00::1 destination.nat.port=80 conntrack.nat.kind=dnat "
     "conntrack.nat.port=80 conntrack.public=[2001:db8::9]:80 conntrack.inside=[fd00::1]:80"},
};

// ICMP has an id in place of ports, and no port members.
const NatCase kWithoutPorts[] = {
    {"icmp_none",
     {"192.168.1.129:77", "19.1.16.7:77", "19.1.16.7:77", "192.168.1.129:77", kIcmp},
     "conntrack.nat.kind=none conntrack.public=192.168.1.129:77 conntrack.inside=192.168.1.129:77"},
    {"icmp_snat_that_rewrote_the_id",
     {"192.168.1.129:77", "19.1.16.7:77", "19.1.16.7:1000", "1.2.3.4:1000", kIcmp},
     "source.nat.ip=1.2.3.4 conntrack.nat.kind=snat conntrack.public=1.2.3.4:1000 "
     "conntrack.inside=192.168.1.129:77"},
    {"icmp_snat_of_the_id_alone",
     {"1.2.3.4:77", "19.1.16.7:77", "19.1.16.7:78", "1.2.3.4:78", kIcmp},
     "source.nat.ip=1.2.3.4 conntrack.nat.kind=snat conntrack.public=1.2.3.4:78 "
     "conntrack.inside=1.2.3.4:77"},
    {"icmp_dnat",
     {"19.1.16.7:77", "1.2.3.4:77", "192.168.1.10:77", "19.1.16.7:77", kIcmp},
     "destination.nat.ip=192.168.1.10 conntrack.nat.kind=dnat conntrack.public=1.2.3.4:77 "
     "conntrack.inside=192.168.1.10:77"},
    {"icmp6_snat",
     {"[fd00::1]:77", "[2001:db8:f::2]:77", "[2001:db8:f::2]:9", "[2001:db8::9]:9", kIcmp6},
     "source.nat.ip=2001:db8::9 conntrack.nat.kind=snat conntrack.public=[2001:db8::9]:9 "
     "conntrack.inside=[fd00::1]:77"},
    {"gre_with_keys",
     {"192.168.1.129:16384", "19.1.16.7:1", "19.1.16.7:1", "1.2.3.4:16385", kGre},
     "source.nat.ip=1.2.3.4 conntrack.nat.kind=snat conntrack.public=1.2.3.4:16385 "
     "conntrack.inside=192.168.1.129:16384"},
    {"gre_without_keys",
     {"192.168.1.129", "19.1.16.7", "19.1.16.7", "1.2.3.4", kGre},
     "source.nat.ip=1.2.3.4 conntrack.nat.kind=snat conntrack.public=1.2.3.4 "
     "conntrack.inside=192.168.1.129"},
    {"esp",
     {"192.168.1.129", "19.1.16.7", "19.1.16.7", "1.2.3.4", 50},
     "source.nat.ip=1.2.3.4 conntrack.nat.kind=snat conntrack.public=1.2.3.4 "
     "conntrack.inside=192.168.1.129"},
};

std::string name_of(const testing::TestParamInfo<NatCase>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Ipv4, NatTable, testing::ValuesIn(kIpv4), name_of);
INSTANTIATE_TEST_SUITE_P(Ipv6, NatTable, testing::ValuesIn(kIpv6), name_of);
INSTANTIATE_TEST_SUITE_P(WithoutPorts, NatTable, testing::ValuesIn(kWithoutPorts), name_of);

TEST(Enrichers, AddNoKeyThatTheyDoNotName) {
  for (const Kind<Enricher>* kind : enricher_kinds()) {
    EXPECT_EQ(find_enricher(kind->name), kind);
    for (const std::string_view key : kind->adds) {
      const Field* row = find_field(key);
      ASSERT_NE(row, nullptr) << key;
      EXPECT_EQ(row->origin, Origin::kEnricher) << key;
    }
  }
  EXPECT_EQ(find_enricher("geoip2"), nullptr);
  EXPECT_EQ(find_enricher(""), nullptr);
}

TEST(Enrichers, NeitherChangesWhatIsThere) {
  Flow flow;
  flow.orig = leg("192.168.1.129:53400", "19.1.16.7:443", kTcp);
  flow.reply = leg("19.1.16.7:443", "1.2.3.4:53500", kTcp);
  flow.start = {1};
  flow.end = {2};
  const Flow before = flow;
  for (const Kind<Enricher>* kind : enricher_kinds()) {
    const size_t size = flow.annotations.size();
    kind->make(nullptr)->enrich(flow);
    for (size_t i = size; i < flow.annotations.size(); ++i) {
      const auto& adds = kind->adds;
      EXPECT_NE(std::find(adds.begin(), adds.end(), flow.annotations[i].field->name), adds.end())
          << flow.annotations[i].field->name;
    }
  }
  EXPECT_TRUE(flow.orig == before.orig && flow.reply == before.reply);
  EXPECT_EQ(flow.start, before.start);
  EXPECT_EQ(flow.end, before.end);
}

}  // namespace
}  // namespace natledger
