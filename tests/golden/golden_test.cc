// SPDX-License-Identifier: GPL-2.0-or-later
// The full record of each recorded case, against a reviewed line.
//
// One directory a case: `full.jsonl` holds the line of its NEW and of its DESTROY, or of its entry
// in a table dump. UPDATE_GOLDEN=1 writes them anew, to be read as a diff.
#include <stdlib.h>
#include <time.h>

#include <filesystem>
#include <fstream>
#include <map>

#include <gtest/gtest.h>

#include "agent/config.h"
#include "agent/pipeline.h"
#include "agent/table_view.h"
#include "base/file.h"
#include "unit/test_support.h"

namespace natledger {
namespace {

// What stands in the golden lines for what the machine would say.
EncoderOptions encoding() {
  EncoderOptions options;
  options.id_prefix = "golden-0-";
  options.observer = "gw1";
  return options;
}

void use_time_zone(const std::string& tz) {
  ::setenv("TZ", tz.c_str(), 1);
  ::tzset();
}

// The events of one case through the whole pipeline, in order.
std::vector<std::string> record_events(const std::vector<const GoldenRow*>& rows) {
  MemorySink sink;
  sink.prefix = encoding().id_prefix;
  Pipeline pipeline{{.sink = sink,
                     .encoder = make_encoder(Record::kFull, encoding()),
                     .enrichers = make_enrichers(Config{}),
                     .events = kNewEvents | kDestroyEvents,
                     .max_flows = 100,
                     .coverage = nullptr,
                     .wait_for_sink = nullptr}};
  EventRing ring{1 << 20};
  for (const GoldenRow* row : rows) {
    ring.push_datagram(row->received, row->message);
    ring.push_mark(RingEntry::Kind::kDrained, row->received);
  }
  ring.publish();
  pipeline.drain(ring);
  EXPECT_TRUE(pipeline.stats().balances());
  return sink.lines;
}

// A table's entries as `natledger table` makes records of them; the moment of asking is the row's.
std::vector<std::string> record_entries(const std::vector<const GoldenRow*>& rows) {
  MemorySink sink;
  sink.prefix = encoding().id_prefix;
  const auto enrichers = make_enrichers(Config{});
  const auto encoder = make_encoder(Record::kFull, encoding());
  const TableDump dump = [&](const MessageVisit& visit) {
    for (const GoldenRow* row : rows) visit(row->message);
  };
  size_t i = 0;
  visit_table(dump, sink, [&](Flow& flow) {
    flow.receipt = rows[i++]->received;
    for (const auto& enricher : enrichers) enricher->enrich(flow);
    sink.append(encoder->encode(flow));
  });
  sink.flush();
  return sink.lines;
}

bool is_dump(const GoldenRow& row) {
  return row.mode.find("SIGUSR2") != std::string::npos ||
         row.mode.find("polling") != std::string::npos;
}

// The first NEW and DESTROY of each case in event mode; of cases that only hash mode has, the
// DESTROY; of dumps, the first entry.
std::map<std::string, std::vector<const GoldenRow*>> cases() {
  std::map<std::string, std::vector<const GoldenRow*>> found;
  const auto take_first = [&](auto fits) {
    for (const GoldenRow& row : golden_rows()) {
      if (row.ulogd != "2.0.8" || !fits(row)) continue;
      auto& rows = found[row.name];
      const bool have = std::any_of(rows.begin(), rows.end(), [&](const GoldenRow* earlier) {
        return earlier->event == row.event;
      });
      if (!have) rows.push_back(&row);
    }
  };
  take_first([](const GoldenRow& row) { return row.event_mode() && row.event == "NEW"; });
  take_first([](const GoldenRow& row) { return row.event_mode() && row.event == "DESTROY"; });
  take_first([&](const GoldenRow& row) { return !found.contains(row.name) || is_dump(row); });
  return found;
}

std::string directory_of(const std::string& name) { return test_data("golden/" + name); }

TEST(Golden, EveryCaseOfTheRecordingHasAFullLine) {
  size_t lines = 0;
  for (const auto& [name, rows] : cases()) {
    use_time_zone(rows.front()->tz);
    const auto made = is_dump(*rows.front()) ? record_entries(rows) : record_events(rows);
    ASSERT_EQ(made.size(), rows.size()) << name;
    std::string text;
    for (const std::string& line : made) text += line + "\n";
    const std::string path = directory_of(name) + "/full.jsonl";
    if (::getenv("UPDATE_GOLDEN") != nullptr) {
      std::filesystem::create_directories(directory_of(name));
      std::ofstream{path} << text;
    }
    EXPECT_EQ(text, read_file(path).value_or("")) << path;
    lines += made.size();
  }
  use_time_zone("UTC");
  EXPECT_EQ(cases().size(), 47U);
  EXPECT_GE(lines, 80U);
}

TEST(Golden, NoDirectoryWithoutACase) {
  const auto known = cases();
  for (const auto& entry : std::filesystem::directory_iterator{test_data("golden")}) {
    if (!entry.is_directory()) continue;
    EXPECT_TRUE(known.contains(entry.path().filename())) << entry.path();
  }
}

}  // namespace
}  // namespace natledger
