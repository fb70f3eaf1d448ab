// SPDX-License-Identifier: GPL-2.0-or-later
// What a ledger leaves open, with indexes and without.
#include "lookup/open_flows.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "base/file.h"
#include "ledger/archive.h"
#include "ledger/indexer.h"
#include "ledger/reader.h"
#include "lookup/line_facts.h"
#include "lookup/search.h"
#include "lookup/traffic.h"
#include "unit/test_support.h"

namespace natledger {
namespace {

using Ids = std::map<std::string, std::string>;  // of the latest record, by flow.id

class OpenFlowsTest : public testing::Test {
 protected:
  void SetUp() override { make_traffic({directory(), 8000, 4, 11}); }

  std::string directory() const { return dir_ / "ledger"; }

  // Line by line, with every record parsed.
  Ids truth() const {
    Ids open;
    LedgerReader reader{directory()};
    LedgerLine line;
    while (reader.next(line)) {
      const auto record = parse_record(line.text);
      if (!record || !record->flow) continue;
      if (record->flow->is_end) {
        open.erase(record->flow->flow_id);
      } else {
        open[record->flow->flow_id] = record->flow->event_id;
      }
    }
    return open;
  }

  Ids visited() const {
    Ids open;
    visit_open_flows(directory(), [&](const FlowDetails& flow) {
      EXPECT_TRUE(open.emplace(flow.record.flow_id, flow.record.event_id).second) << "once";
    });
    return open;
  }

  void index() const {
    Indexer indexer{directory(), read_line_facts, 16 << 10};
    while (indexer.index_next([] { return true; })) {
    }
  }

  TempDir dir_;
};

TEST_F(OpenFlowsTest, AreTheSameWithIndexesAndWithout) {
  const Ids open = truth();
  ASSERT_GT(open.size(), 20U);
  EXPECT_EQ(visited(), open);
  index();
  EXPECT_EQ(visited(), open);
}

TEST_F(OpenFlowsTest, AreReadFromArchives) {
  const Ids open = truth();
  index();
  for (const SealedSegment& sealed : list_sealed(directory())) {
    const std::string archived = sealed.path + std::string{kArchiveEnd};
    ASSERT_TRUE(write_archive(sealed.path, archived, [] { return true; }));
    std::filesystem::remove(sealed.path);
  }
  EXPECT_EQ(visited(), open);
}

TEST_F(OpenFlowsTest, ATableThatIsNotItsIndexesIsNotGoneBy) {
  const Ids open = truth();
  index();
  std::vector<std::filesystem::path> tables;
  for (const auto& entry : std::filesystem::directory_iterator{directory()}) {
    if (entry.path().extension() == ".open") tables.push_back(entry.path());
  }
  ASSERT_EQ(tables.size(), 2U);
  std::sort(tables.begin(), tables.end());
  // Of both the table of the older one.
  std::filesystem::rename(tables[0], tables[1]);
  EXPECT_EQ(visited(), open);
}

// A line that the table names and that is damaged since may have been of whoever is asked for.
TEST_F(OpenFlowsTest, OneWhoseLineIsDamagedIsNotPassedOver) {
  std::vector<FlowRecord> flows;
  visit_open_flows(directory(), [&](const FlowDetails& open) {
    // Of more than one line the others would still tell.
    if (open.record.event_id == open.record.flow_id) flows.push_back(open.record);
  });
  index();
  const Asking asking{directory(), {}, now(), [](uint64_t) {}};
  const auto question_of = [](const FlowRecord& flow) {
    QuestionText text;
    text.address = endpoint_text(flow.sides.front().seen);
    text.at = utc_text(flow.at + std::chrono::seconds{5});
    return parse_question(text);
  };
  const SealedSegment newest = list_sealed(directory()).back();
  const auto number_of = [](const FlowRecord& flow) {
    return flow.event_id.substr(flow.event_id.rfind('-') + 1);
  };
  const auto flow = std::ranges::find_if(flows, [&](const FlowRecord& each) {
    const uint64_t number = std::stoull(number_of(each));
    return number > newest.first_sequence && number < newest.first_sequence + 1000 &&
           ask_ledger(asking, question_of(each)).verdict == Verdict::kOneHost;
  });
  ASSERT_NE(flow, flows.end());
  std::string text = *read_file(newest.path);
  const size_t found = text.find("\"event.sequence\": " + number_of(*flow) + ",");
  ASSERT_NE(found, std::string::npos);
  text[found + 1] = 'E';
  std::ofstream{newest.path, std::ios::binary} << text;
  const Verdict verdict = ask_line_by_line(asking, question_of(*flow)).verdict;
  EXPECT_TRUE(verdict == Verdict::kCannotSay || verdict == Verdict::kOneHostNotSure);
  EXPECT_EQ(ask_ledger(asking, question_of(*flow)).verdict, verdict);
}

TEST_F(OpenFlowsTest, TellAllThatANewRunNeeds) {
  size_t with_ports = 0;
  visit_open_flows(directory(), [&](const FlowDetails& flow) {
    EXPECT_NE(flow.ends.orig_source.address.family, IpAddress::Family::kNone);
    EXPECT_NE(flow.ends.reply_target.address.family, IpAddress::Family::kNone);
    EXPECT_TRUE(flow.ends.orig_source.port && flow.ends.reply_target.port) << flow.record.event_id;
    EXPECT_EQ(flow.record.start.known(), !flow.record.start_clock.empty());
    ++with_ports;
  });
  EXPECT_GT(with_ports, 20U);
}

}  // namespace
}  // namespace natledger
