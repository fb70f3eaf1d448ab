// SPDX-License-Identifier: GPL-2.0-or-later
// A ledger of four segments, damaged in each way that somebody or a disk can: found, with its
// place.
#include "lookup/verify.h"

#include <filesystem>
#include <fstream>
#include <functional>

#include <gtest/gtest.h>

#include "agent/coverage_log.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "ledger/archive.h"
#include "ledger/export.h"
#include "ledger/ledger.h"
#include "ledger/reader.h"
#include "unit/test_support.h"

namespace natledger {
namespace {

const TimePoint kAt = *parse_rfc3339("2026-11-22T12:00:00Z");
constexpr int kSegments = 4;

class VerifyTest : public testing::Test {
 protected:
  // Each run is killed, so each leaves a segment to be sealed by the next.
  void SetUp() override {
    open_log({.level = "error", .to = "stderr"});
    for (int i = 0; i < kSegments; ++i) run(i + 1 == kSegments);
    for (const SealedSegment& sealed : list_sealed(directory())) sealed_.push_back(sealed.path);
    ASSERT_EQ(sealed_.size(), kSegments - 1);
  }

  void TearDown() override { open_log({}); }

  void run(bool clean) {
    Ledger ledger{{directory(), state(), "never", ""}};
    CoverageLog log{ledger, "gw1"};
    log.opening(ledger, kAt);
    log.start(kAt, 5, {});
    for (int i = 0; i < 10; ++i) log.resume(kAt, kAt, 0);
    if (clean) log.stop(kAt, {});
    ASSERT_EQ(ledger.flush(), 0);
    if (clean) {
      ASSERT_TRUE(ledger.close_clean(kAt));
    }
  }

  std::string directory() const { return dir_ / "ledger"; }
  std::string state() const { return dir_ / "state"; }
  std::string active() const { return directory() + "/conntrack.json"; }

  VerifyReport verify() const {
    return verify_ledger(directory(), state(), [](uint64_t) {});
  }

  static void edit(const std::string& path, const std::function<void(std::string&)>& change) {
    std::string text = *read_file(path);
    change(text);
    std::ofstream{path, std::ios::binary} << text;
  }
  // Some damage names the file and says so.
  static bool says(const VerifyReport& report, const std::string& path, const std::string& what) {
    for (const Damage& damage : report.damages) {
      if (damage.path == path && damage.what.find(what) != std::string::npos) return true;
    }
    return false;
  }
  void expect_damage(const std::string& path, const std::string& what) const {
    const VerifyReport report = verify();
    EXPECT_TRUE(says(report, path, what)) << verify_text(report, directory());
  }
  // The lines that a reader still gets.
  size_t lines() const {
    LedgerReader reader{directory()};
    LedgerLine line;
    size_t count = 0;
    while (reader.next(line)) ++count;
    return count;
  }
  std::string archive(size_t i) const {
    const std::string path = sealed_[i] + ".zst";
    EXPECT_TRUE(write_archive(sealed_[i], path, [] { return true; }));
    std::filesystem::remove(sealed_[i]);
    return path;
  }

  TempDir dir_;
  std::vector<std::string> sealed_;
};

size_t line_start(const std::string& text, int line) {
  size_t at = 0;
  for (; line > 0; --line) at = text.find('\n', at) + 1;
  return at;
}

void remove_line(std::string& text, int line) {
  const size_t start = line_start(text, line);
  text.erase(start, line_start(text, line + 1) - start);
}

void replace(std::string& text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  ASSERT_NE(at, std::string::npos);
  text.replace(at, from.size(), to);
}

TEST_F(VerifyTest, AnUndamagedLedgerIsWhole) {
  const VerifyReport report = verify();
  EXPECT_TRUE(report.whole()) << verify_text(report, directory());
  EXPECT_EQ(report.segments, 4U);
  EXPECT_EQ(report.seals, 3U);
  EXPECT_EQ(report.first, 1U);
  EXPECT_EQ(report.lines, report.last - report.skipped);
  EXPECT_EQ(report.torn_lines, 0U);
  EXPECT_TRUE(report.notes.empty());
}

TEST_F(VerifyTest, ArchivesAreVerifiedLikeSegments) {
  archive(0);
  archive(2);
  const VerifyReport report = verify();
  EXPECT_TRUE(report.whole()) << verify_text(report, directory());
  EXPECT_EQ(report.archives, 2U);
  EXPECT_EQ(report.seals, 3U);
  EXPECT_EQ(lines(), report.lines);
}

TEST_F(VerifyTest, BesideItsArchiveTheSegmentCounts) {
  write_archive(sealed_[1], sealed_[1] + ".zst", [] { return true; });
  edit(sealed_[1] + ".zst", [](std::string& text) { text.resize(text.size() / 2); });
  EXPECT_TRUE(verify().whole());
}

TEST_F(VerifyTest, TheOldestMayHaveBeenRemovedByRetention) {
  const uint64_t second = list_sealed(directory())[1].first_sequence;
  Ledger{{directory(), state(), "never", ""}}.keep_from(second);
  EXPECT_TRUE(verify().whole()) << "the state comes first";
  std::filesystem::remove(sealed_[0]);
  const VerifyReport report = verify();
  EXPECT_TRUE(report.whole()) << verify_text(report, directory());
  EXPECT_EQ(report.first, second);
  std::filesystem::remove(sealed_[1]);
  expect_damage(sealed_[2], "before it numbers " + std::to_string(second) + " to ");
}

TEST_F(VerifyTest, TheOldestMayNotHaveBeenRemovedByAnybodyElse) {
  std::filesystem::remove(sealed_[0]);
  expect_damage(sealed_[1], "before it numbers 1 to 11 missing, which retention has not removed");
  EXPECT_EQ(verify().damage_count, 1U);
}

TEST_F(VerifyTest, AFlippedBitOfAValueBreaksTheChain) {
  edit(sealed_[1], [](std::string& text) { replace(text, "gw1", "gw2"); });
  expect_damage(sealed_[1], "SHA-256");
}

TEST_F(VerifyTest, AChangedBraceIsNoRecord) {
  edit(sealed_[1], [](std::string& text) { text[line_start(text, 4)] = '['; });
  expect_damage(sealed_[1], "torn line with others behind it");
}

TEST_F(VerifyTest, ALineThatIsNoJson) {
  edit(sealed_[1], [](std::string& text) { replace(text, "\"gw1\"", "\"gw\x01\""); });
  expect_damage(sealed_[1], "no record");
}

TEST_F(VerifyTest, ARemovedLineIsMissing) {
  edit(sealed_[1], [](std::string& text) { remove_line(text, 5); });
  expect_damage(sealed_[1], "before it number");
  expect_damage(sealed_[1], "bytes and was sealed with");
}

TEST_F(VerifyTest, ALineTwice) {
  edit(active(), [](std::string& text) {
    const size_t start = line_start(text, 5);
    text.insert(start, text.substr(start, line_start(text, 6) - start));
  });
  expect_damage(active(), "behind");
}

TEST_F(VerifyTest, ARemovedSegment) {
  std::filesystem::remove(sealed_[1]);
  expect_damage(sealed_[2], "missing");
  expect_damage(sealed_[2], "it seals");
}

TEST_F(VerifyTest, ARemovedSeal) {
  edit(active(), [](std::string& text) { remove_line(text, 0); });
  expect_damage(active(), "does not seal");
  expect_damage(active(), "missing");
}

TEST_F(VerifyTest, ACutSegment) {
  edit(sealed_[0], [](std::string& text) { text.resize(text.size() - 10); });
  expect_damage(sealed_[0], "bytes and was sealed with");
  EXPECT_EQ(verify().torn_lines, 1U);
}

TEST_F(VerifyTest, ASegmentUnderAnotherName) {
  const std::string other = directory() + "/" + sealed_name(2);
  std::filesystem::rename(sealed_[0], other);
  expect_damage(other, "which its name denies");
}

TEST_F(VerifyTest, ALineOfAnotherLedger) {
  edit(active(), [](std::string& text) {
    const size_t at = text.find("\"event.id\":\"", line_start(text, 3)) + 12;
    text[at] = text[at] == 'f' ? 'e' : 'f';
  });
  expect_damage(active(), "of another ledger");
}

TEST_F(VerifyTest, BooksThatDoNotBalance) {
  edit(active(), [](std::string& text) {
    replace(text, "\"coverage.count.flows\":0", "\"coverage.count.flows\":1");
  });
  expect_damage(active(), "1 flow records, and 0 are here");
  expect_damage(active(), "do not balance");
}

TEST_F(VerifyTest, BooksThatDoNotBalanceAmidARun) {
  edit(active(), [](std::string& text) {
    replace(text, "\"coverage-stop\"", "\"heartbeat\"");
    replace(text, "\"coverage.count.flows\":0", "\"coverage.count.flows\":1");
  });
  expect_damage(active(), "1 flow records, and 0 are here");
}

TEST_F(VerifyTest, AStateThatIsNotThereIsSaid) {
  std::filesystem::remove(state() + "/sequence");
  const VerifyReport report = verify();
  EXPECT_TRUE(report.whole());
  EXPECT_EQ(report.notes, (std::vector<std::string>{"read " + state() +
                                                    "/sequence: No such file or directory; whether "
                                                    "lines are lost at the end is not known"}));
}

TEST_F(VerifyTest, ADamagedStateIsDamage) {
  edit(state() + "/sequence", [](std::string& text) { text[100] ^= 1; });
  expect_damage(state() + "/sequence", "a slot of the state is damaged");
}

TEST_F(VerifyTest, TheHeadCutOffTheOldest) {
  edit(sealed_[0], [](std::string& text) { remove_line(text, 0); });
  expect_damage(sealed_[0], "its beginning is missing");
}

TEST_F(VerifyTest, AMissingActiveSegment) {
  std::filesystem::remove(active());
  expect_damage(state() + "/sequence", "there were lines up to number");
}

TEST_F(VerifyTest, ASegmentThatIsNoFile) {
  std::filesystem::remove(sealed_[1]);
  std::filesystem::create_directory(sealed_[1]);
  expect_damage(sealed_[1], "not a regular file");
  expect_damage(sealed_[2], "missing");
}

// A start that died within its first line, and the next one: the seal of the torn segment holds the
// one before it too.
TEST_F(VerifyTest, AStartThatDiedWithinItsFirstLine) {
  run(false);
  run(false);
  edit(active(), [](std::string& text) { text.resize(30); });
  run(false);
  VerifyReport report = verify();
  EXPECT_TRUE(report.whole()) << verify_text(report, directory());
  EXPECT_EQ(report.torn_lines, 1U);
  const std::vector<SealedSegment> sealed = list_sealed(directory());
  edit(sealed[sealed.size() - 2].path, [](std::string& text) { replace(text, "gw1", "gw2"); });
  report = verify();
  EXPECT_TRUE(says(report, sealed.back().path, "is not the one that was there"))
      << verify_text(report, directory());
}

TEST_F(VerifyTest, LinesLostBehindACleanStop) {
  edit(active(), [](std::string& text) { remove_line(text, 13); });
  expect_damage(state() + "/sequence", "there were lines up to number");
}

TEST_F(VerifyTest, LinesLostBehindAKill) {
  run(false);
  EXPECT_TRUE(verify().whole()) << verify_text(verify(), directory());
  edit(active(), [](std::string& text) { text.resize(text.rfind('\n', text.size() - 2) + 1); });
  expect_damage(state() + "/covered", "lines were written up to number");
}

TEST_F(VerifyTest, ADamagedMark) {
  edit(state() + "/covered", [](std::string& text) { text[14] ^= 0x10; });
  expect_damage(state() + "/covered", "it says two times");
  edit(state() + "/covered", [](std::string& text) { text[3] ^= 0x10; });
  expect_damage(state() + "/covered", "it is no mark");
}

TEST_F(VerifyTest, ADamagedArchiveIsFoundAndTheRestIsRead) {
  const size_t before = lines();
  const std::string path = archive(1);
  edit(path, [](std::string& text) { text[30] = static_cast<char>(text[30] ^ 1); });
  expect_damage(path, "the frame");
  EXPECT_EQ(lines(), before - 13);
  Ledger again{{directory(), state(), "never", ""}};  // the agent starts
  EXPECT_EQ(again.opening().plan.before, StartPlan::Before::kCleanStop);
}

// Nothing of it can be read here, and yet it is part of what is copied.
TEST_F(VerifyTest, AnExportTakesADamagedArchiveToo) {
  const std::string path = archive(1);
  edit(path, [](std::string& text) { text[30] = static_cast<char>(text[30] ^ 1); });
  const uint64_t damages = verify().damage_count;
  const std::string copy = dir_ / "copy";
  const Exported made = export_ledger(directory(), copy, {}, [](uint64_t) {});
  EXPECT_EQ(made.segments, kSegments);
  const VerifyReport report = verify_ledger(copy, copy + "/state", [](uint64_t) {});
  EXPECT_EQ(report.damage_count, damages) << verify_text(report, copy);
  const LedgerRange behind{.first = verify().last};
  EXPECT_EQ(export_ledger(directory(), dir_ / "end", behind, [](uint64_t) {}).segments, 1U);
}

TEST_F(VerifyTest, AnExportOfSomeSegmentsIsWhole) {
  archive(1);
  const std::string copy = dir_ / "copy";
  LedgerRange range;
  range.first = 14;  // in the second
  range.last = 30;   // in the third
  const Exported made = export_ledger(directory(), copy, range, [](uint64_t) {});
  EXPECT_EQ(made.segments, 2U);
  const VerifyReport report = verify_ledger(copy, copy + "/state", [](uint64_t) {});
  EXPECT_TRUE(report.whole()) << verify_text(report, copy);
  EXPECT_EQ(report.archives, 1U);
  EXPECT_EQ(report.seals, 1U);
  EXPECT_EQ(report.first, made.first);
  EXPECT_EQ(report.last, made.last);
  EXPECT_LE(report.first, 14U);
  EXPECT_GE(report.last, 30U);
}

// Retention takes the oldest first; a copy that has one of them must have those behind it.
TEST_F(VerifyTest, AnExportWhileTheOldestAreRemovedIsWhole) {
  const std::string copy = dir_ / "copy";
  const Exported made = export_ledger(directory(), copy, {}, [&](uint64_t) {
    for (size_t i = 0; i < 2; ++i) std::filesystem::remove(sealed_[i]);
  });
  const VerifyReport report = verify_ledger(copy, copy + "/state", [](uint64_t) {});
  EXPECT_TRUE(report.whole()) << verify_text(report, copy);
  EXPECT_EQ(report.segments, made.segments);
  EXPECT_EQ(report.lines, made.last - made.first + 1);
  EXPECT_EQ(report.first, made.first);
  EXPECT_EQ(report.last, made.last);
  EXPECT_EQ(report.last, verify().last);
}

TEST_F(VerifyTest, TheOldestMayBeRemovedWhileItReads) {
  std::filesystem::remove_all(state());  // it would have to say that retention did it
  const VerifyReport report = verify_ledger(directory(), state(), [&](uint64_t) {
    for (size_t i = 0; i < 2; ++i) std::filesystem::remove(sealed_[i]);
  });
  EXPECT_TRUE(report.whole()) << verify_text(report, directory());
  EXPECT_EQ(report.segments + 2, static_cast<uint64_t>(kSegments));
  EXPECT_EQ(report.first, sequence_in_name(sealed_[2].substr(sealed_[2].rfind('/') + 1)));
}

TEST_F(VerifyTest, OneThatIsRemovedFromTheMiddleWhileItReadsIsMissing) {
  const VerifyReport report =
      verify_ledger(directory(), state(), [&](uint64_t) { std::filesystem::remove(sealed_[1]); });
  EXPECT_FALSE(report.whole());
}

// Of a flow found in the table its start is told, which may be days before all lines around it.
TEST_F(VerifyTest, AnExportByTimeIsNotMisledByAnOldFlowAtTheEnd) {
  const uint64_t last = verify().last + 1;
  edit(active(), [&](std::string& text) {
    text += R"({"@timestamp": "2026-11-01T00:00:00.000000Z", "event.sequence": )" +
            std::to_string(last) + R"(, "event.reason": "inferred", "flow.start.not_after": ")" +
            utc_text(kAt) + "\"}\n";
  });
  const LedgerRange range{.from = kAt};
  EXPECT_EQ(export_ledger(directory(), dir_ / "copy", range, [](uint64_t) {}).last, last);
}

TEST_F(VerifyTest, ReportsAsJson) {
  std::filesystem::remove(sealed_[1]);
  const std::string json = verify_json(verify());
  EXPECT_TRUE(json.starts_with(R"({"whole": false, "segments": 3, "archives": 0, )")) << json;
  EXPECT_NE(json.find(R"("file": ")" + sealed_[2] + R"(", "byte": 0, "what": ")"),
            std::string::npos)
      << json;
}

}  // namespace
}  // namespace natledger
