// SPDX-License-Identifier: GPL-2.0-or-later
// What a reload may change and what it refuses, option by option.
#include "agent/reload.h"

#include <map>

#include <gtest/gtest.h>

#include "base/error.h"

namespace natledger {
namespace {

Config parse(const std::string& text) { return parse_config(parse_config_text(text, "n.yaml")); }

// Each option with another value than its default, and when that is taken.
const std::map<std::string, std::pair<const char*, Change>> kOthers = {
    {"source.events", {"[new]", Change::kReload}},
    {"source.receive_buffer", {"1MiB", Change::kReload}},
    {"source.ring", {"16MiB", Change::kRestart}},
    {"source.max_flows", {"10", Change::kRestart}},
    {"source.reconcile", {"10m", Change::kReload}},
    {"source.heartbeat", {"0", Change::kReload}},
    {"ledger.directory", {"/l", Change::kRestart}},
    {"ledger.state", {"/s", Change::kRestart}},
    {"ledger.sync", {"never", Change::kRestart}},
    {"ledger.group", {"users", Change::kRestart}},
    {"ledger.rotate.size", {"64MiB", Change::kRestart}},
    {"ledger.rotate.age", {"12h", Change::kRestart}},
    {"ledger.keep.age", {"10d", Change::kRestart}},
    {"ledger.keep.size", {"1GiB", Change::kRestart}},
    {"ledger.keep.free", {"5%", Change::kRestart}},
    {"ledger.compress_after", {"2h", Change::kReload}},
    {"ledger.ballast", {"1MiB", Change::kRestart}},
    {"observer.name", {"gw1", Change::kReload}},
    {"ship.start", {"false", Change::kReload}},
    {"ship.user", {"root", Change::kReload}},
    {"log.level", {"debug", Change::kReload}},
    {"log.to", {"/log", Change::kRestart}},
    {"tags", {"[a]", Change::kReload}},
    {"enrich", {"[nat]", Change::kReload}},
};

TEST(Reload, EachOptionIsTakenOrRefusedByName) {
  for (const OptionRow& row : option_rows(Config{})) {
    if (row.key == "source.mode") continue;  // it has one value
    if (row.key.starts_with("output.")) {
      EXPECT_EQ(row.change, Change::kReload) << row.key << ": natledger-ship is begun anew";
      continue;
    }
    ASSERT_TRUE(kOthers.contains(row.key)) << row.key;
    const auto& [value, change] = kOthers.at(row.key);
    const auto changes = changes_between(Config{}, parse(row.key + ": " + value));
    ASSERT_EQ(changes.size(), 1U) << row.key;
    EXPECT_EQ(changes[0].key, row.key);
    EXPECT_EQ(changes[0].from, row.value);
    EXPECT_EQ(changes[0].to, value);
    EXPECT_EQ(changes[0].change, change) << row.key;
    try {
      refuse_fixed(changes);
      EXPECT_EQ(change, Change::kReload) << row.key;
    } catch (const ConfigError& error) {
      EXPECT_EQ(change, Change::kRestart) << row.key;
      EXPECT_EQ(error.what(), row.key + " cannot change while running; restart natledger");
    }
  }
}

TEST(Reload, EveryFixedOptionIsNamed) {
  const Config wanted = parse("tags: [a]\nsource.ring: 16MiB\nledger.directory: /l");
  try {
    refuse_fixed(changes_between(Config{}, wanted));
    FAIL() << "taken";
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(),
                 "source.ring, ledger.directory cannot change while running; restart natledger");
  }
}

TEST(Reload, TheSameFileChangesNothing) {
  const char* text = "tags: [a, b]\nsource: {events: [new], ring: 16MiB}";
  EXPECT_TRUE(changes_between(parse(text), parse(text)).empty());
}

}  // namespace
}  // namespace natledger
