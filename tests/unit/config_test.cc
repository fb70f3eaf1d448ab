// SPDX-License-Identifier: GPL-2.0-or-later
// The agent's configuration: every mistake with its whole message.
#include "agent/config.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace natledger {
namespace {

Config parse(const std::string& text) { return parse_config(parse_config_text(text, "n.yaml")); }

std::string error_of(const std::string& text) {
  try {
    parse(text);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Config, AnEmptyFileIsTheDefaults) {
  const Config config = parse("");
  EXPECT_EQ(config.source.events, 5U);
  EXPECT_EQ(config.source.receive_buffer, 64U << 20);
  EXPECT_EQ(config.ledger.directory, "/var/log/natledger");
  EXPECT_EQ(config.enrich.size(), 2U);
}

TEST(Config, EveryOptionIsRead) {
  const Config config = parse(R"(
source: {mode: event, events: [new, update, destroy], receive_buffer: 1MiB, ring: 16MiB}
source.max_flows: 10
source.heartbeat: 5m
ledger.directory: /l
ledger: {state: /s, sync: always, group: "", compress_after: 90m}
ledger.rotate: {size: 1MiB, age: 10m}
ledger: {keep: {age: 90d, size: 5GiB, free: 25%}}
observer: {name: gw1}
log: {level: debug, to: /log}
tags: [a, b]
enrich: [nat]
)");
  EXPECT_EQ(config.source.events, 7U);
  EXPECT_EQ(config.source.receive_buffer, 1U << 20);
  EXPECT_EQ(config.source.ring, 16U << 20);
  EXPECT_EQ(config.source.max_flows, 10U);
  EXPECT_EQ(config.source.heartbeat, std::chrono::minutes{5});
  EXPECT_EQ(config.ledger.directory, "/l");
  EXPECT_EQ(config.ledger.state, "/s");
  EXPECT_EQ(config.ledger.sync, "always");
  EXPECT_EQ(config.ledger.group, "");
  EXPECT_EQ(config.ledger.compress_after, std::chrono::minutes{90});
  EXPECT_EQ(config.ledger.rotate.size, 1U << 20);
  EXPECT_EQ(config.ledger.rotate.age, std::chrono::minutes{10});
  EXPECT_EQ(config.ledger.keep.age, std::chrono::days{90});
  EXPECT_EQ(config.ledger.keep.size, uint64_t{5} << 30);
  EXPECT_EQ(config.ledger.keep.free, 25U);
  EXPECT_EQ(observer_name(config), "gw1");
  EXPECT_EQ(config.log.level, "debug");
  EXPECT_EQ(config.tags, (std::vector<std::string>{"a", "b"}));
  ASSERT_EQ(config.enrich.size(), 1U);
  EXPECT_EQ(config.enrich[0].name, "nat");
}

TEST(Config, UlogdsEventMaskIsUnderstood) {
  EXPECT_EQ(parse("source.events: 0x5").source.events, 5U);
  EXPECT_EQ(parse("source.events: 7").source.events, 7U);
}

TEST(Config, WhatPrintPrintsReadsBackTheSame) {
  std::string text;
  for (const OptionRow& row : option_rows(Config{})) text += row.key + ": " + row.value + "\n";
  std::string again;
  for (const OptionRow& row : option_rows(parse(text))) again += row.key + ": " + row.value + "\n";
  EXPECT_EQ(text, again);
}

struct Mistake {
  const char* text;
  const char* error;
};

TEST(Config, Mistakes) {
  const Mistake rows[] = {
      {"sorce: {}", "n.yaml:1: sorce: unknown option; did you mean \"source\"?"},
      {"\nsource:\n  event: [new]",
       "n.yaml:3: source.event: unknown option; did you mean \"events\"?"},
      {"source: {nat_only: true}",
       "n.yaml:1: source.nat_only: unknown option; one of mode, events, receive_buffer, ring, "
       "max_flows, reconcile, heartbeat"},
      {"outputs: {}", "n.yaml:1: outputs: unknown option; did you mean \"output\"?"},
      {"output.fil: {path: /x}", "n.yaml:1: output.fil: unknown option; did you mean \"file\"?"},
      {"output.file: {sync: 1}", "n.yaml:1: output.file.sync: expected true or false"},
      {"output.file: {record: csv}",
       "n.yaml:1: output.file.record: unknown value \"csv\"; one of ulogd, full"},
      {"output: {file: {only: {nat: [snt]}}}",
       "n.yaml:1: output.file.only.nat: unknown value \"snt\"; did you mean \"snat\"?"},
      {"output.elasticsearch: {hosts: []}", "output.elasticsearch.hosts: name one at least"},
      {"output.elasticsearch: {username: u, api_key: k}",
       "output.elasticsearch: username, api_key and bearer_token exclude each other; keep one"},
      {"output.elasticsearch: {bulk_max_bytes: 1}",
       "n.yaml:1: output.elasticsearch.bulk_max_bytes: 1 is below the least, 64KiB"},
      {"source: {mode: flow}", "n.yaml:1: source.mode: unknown value \"flow\"; one of event"},
      {"source: {events: [nwe]}",
       "n.yaml:1: source.events: unknown event \"nwe\"; did you mean \"new\"?"},
      {"source: {events: [destory]}",
       "n.yaml:1: source.events: unknown event \"destory\"; did you mean \"destroy\"?"},
      {"source: {events: []}",
       "n.yaml:1: source.events: no event is asked for, so there would be no record"},
      {"source: {events: 8}",
       "n.yaml:1: source.events: \"8\" is no event mask: new 1, update 2, destroy 4"},
      {"source: {receive_buffer: lots}",
       "n.yaml:1: source.receive_buffer: \"lots\" is not a size such as 64MiB"},
      {"source: {receive_buffer: 1}",
       "n.yaml:1: source.receive_buffer: 1 is below the least, 64KiB"},
      {"source: {receive_buffer: 2GiB}",
       "n.yaml:1: source.receive_buffer: 2GiB is above the most, 1GiB"},
      {"source: {max_flows: [1]}", "n.yaml:1: source.max_flows: expected a whole number"},
      {"source: 5", "n.yaml:1: source: expected a section of options"},
      {"ledger: {sync: 1ms}",
       "n.yaml:1: ledger.sync: \"1ms\" is not always, never, or an interval from 10ms"},
      {"ledger: {sync: often}",
       "n.yaml:1: ledger.sync: \"often\" is not always, never, or an interval from 10ms"},
      {"log: {level: loud}",
       "n.yaml:1: log.level: unknown value \"loud\"; one of debug, info, warning, error"},
      {"tags: web", "n.yaml:1: tags: expected a list, [a, b]"},
      {"enrich: [natt]", "n.yaml:1: enrich: unknown enricher \"natt\"; did you mean \"nat\"?"},
      {"enrich: [nat, nat]", "n.yaml:1: enrich: nat is given twice"},
      {"ledger: {compress_after: soon}",
       "n.yaml:1: ledger.compress_after: \"soon\" is not a time such as 90s or 1h"},
      {"ledger: {rotate: {sise: 1MiB}}",
       "n.yaml:1: ledger.rotate.sise: unknown option; did you mean \"size\"?"},
      {"ledger: {rotate: 1MiB}", "n.yaml:1: ledger.rotate: expected a section of options"},
      {"ledger: {rotat: {}}", "n.yaml:1: ledger.rotat: unknown option; did you mean \"rotate\"?"},
      {"ledger.rotate.size: 63KiB",
       "n.yaml:1: ledger.rotate.size: 63KiB is below the least, 64KiB"},
      {"ledger.rotate.size: 3GiB", "n.yaml:1: ledger.rotate.size: 3GiB is above the most, 2GiB"},
      {"ledger.keep: {free: 10}",
       "n.yaml:1: ledger.keep.free: \"10\" is not a share up to 90%, or 0"},
      {"ledger.keep: {free: 91%}",
       "n.yaml:1: ledger.keep.free: \"91%\" is not a share up to 90%, or 0"},
      {"ledger.keep: {free: lots}",
       "n.yaml:1: ledger.keep.free: \"lots\" is not a share up to 90%, or 0"},
      {"ledger.sync: 1s\nledger: {sync: 2s}", "n.yaml:2: ledger.sync: given twice"},
      {"a: [", "n.yaml:1: not YAML: end of sequence flow not found"},
      {"- a", "n.yaml:1: expected `key: value` lines"},
  };
  for (const Mistake& row : rows) EXPECT_EQ(error_of(row.text), row.error) << row.text;
}

TEST(Config, ADestinationIsEnabledByItsSection) {
  EXPECT_FALSE(parse("").outputs.file.enabled);
  EXPECT_TRUE(parse("output.file: {sync: true}").outputs.file.enabled);
  EXPECT_FALSE(parse("output.file: {enabled: false}").outputs.file.enabled);
  EXPECT_FALSE(parse("output.file: {}").outputs.elasticsearch.enabled);
}

TEST(Config, AnEnricherWithoutOptionsRefusesThem) {
  try {
    make_enrichers(parse("enrich:\n- nat: {x: 1}"));
    FAIL() << "made";
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(), "n.yaml:2: enrich.nat: takes no options");
  }
}

TEST(Config, EventsOfTheCommandLine) {
  EXPECT_EQ(parse_events("new"), 1U);
  EXPECT_EQ(parse_events("new,update,destroy"), 7U);
  EXPECT_EQ(parse_events("0x5"), 5U);
  for (const char* bad : {"", "new,", "nwe", "9", "0"}) {
    EXPECT_THROW(parse_events(bad), ConfigError) << bad;
  }
}

}  // namespace
}  // namespace natledger
