// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/shipper.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>

#include <gtest/gtest.h>

#include "base/file.h"
#include "unit/test_support.h"

namespace natledger {
namespace {

using Next = Attempt::Next;

std::string line_of(uint64_t sequence, const std::string& action = "flow-end") {
  const std::string number = std::to_string(sequence);
  return R"({"event.action": ")" + action + R"(", "event.sequence": )" + number +
         R"(, "event.id": "l-e-)" + number + "\"}";
}

// Answers as it is told to, and remembers what it was given.
class FakeDestination final : public Destination {
 public:
  struct Script {
    std::vector<std::vector<uint64_t>> attempts;  // the numbers of each
    std::function<Attempt(std::span<const LedgerLine>)> answer;
    std::string memory;
    std::mutex mutex = {};
  };
  explicit FakeDestination(Script& script) : script_(script) {}

  Attempt deliver(std::span<const LedgerLine> lines) override {
    const std::lock_guard lock{script_.mutex};
    auto& numbers = script_.attempts.emplace_back();
    for (const LedgerLine& line : lines) {
      EXPECT_NE(line.text.find(std::to_string(line.sequence)), std::string_view::npos);
      numbers.push_back(line.sequence);
    }
    return script_.answer(lines);
  }
  std::string memory() const override { return script_.memory; }

 private:
  Script& script_;
};

Attempt all(std::span<const LedgerLine> lines, Fate fate, Next next = Next::kGoOn) {
  Attempt attempt;
  attempt.outcomes.resize(lines.size());
  for (Outcome& outcome : attempt.outcomes) outcome.fate = fate;
  attempt.next = next;
  return attempt;
}

class ShipperTest : public testing::Test {
 protected:
  ShipperTest() {
    ledger_.directory = dir_ / "ledger";
    ledger_.state = dir_ / "state";
    options_.name = "fake";
    options_.batch_records = 4;
    options_.flush_interval = Duration{};
    std::filesystem::create_directories(ledger_.directory);
    std::filesystem::create_directories(ledger_.state);
    script_.answer = [](std::span<const LedgerLine> lines) { return all(lines, Fate::kDelivered); };
  }

  void write(uint64_t from, uint64_t to) {
    std::ofstream file{ledger_.directory + "/conntrack.json", std::ios::app};
    for (uint64_t i = from; i <= to; ++i) file << line_of(i) << '\n';
  }

  // As an agent says it whose retention has removed what was before.
  void keep_from(uint64_t sequence) {
    StateFile state{ledger_.state + "/sequence"};
    LedgerState kept;
    kept.ledger_id = "0123456789ab";
    kept.kept_from = sequence;
    state.store(kept);
  }

  Shipper make() {
    return {ledger_, options_,
            [this](const Past& past) {
              past_ = past;
              return std::make_unique<FakeDestination>(script_);
            },
            [] { return 0.5; }};
  }

  // So many steps, as long as there is something to do at once.
  void run(Shipper& shipper, int steps = 100) {
    while (steps-- > 0 && shipper.step(at_) == Duration{}) {
    }
  }

  std::string dead_letters() const {
    return read_file(ledger_.state + "/dead-letters/fake.ndjson").value_or("");
  }

  TempDir dir_;
  LedgerOptions ledger_;
  ShipperOptions options_;
  FakeDestination::Script script_;
  Past past_;
  TimePoint at_{1'000'000'000'000};
};

using Numbers = std::vector<std::vector<uint64_t>>;

TEST_F(ShipperTest, LinesGoInBatchesAndTheCursorFollows) {
  write(1, 6);
  Shipper shipper = make();
  run(shipper);
  EXPECT_EQ(script_.attempts, (Numbers{{1, 2, 3, 4}, {5, 6}}));
  EXPECT_EQ(shipper.cursor().next, 7U);
  EXPECT_EQ(shipper.cursor().delivered, 6U);
}

TEST_F(ShipperTest, ARestartGoesOnWhereTheCursorIs) {
  write(1, 3);
  script_.memory = "index-1";
  {
    Shipper shipper = make();
    run(shipper);
  }
  write(4, 5);
  script_.attempts.clear();
  Shipper shipper = make();
  EXPECT_EQ(past_.memory, "index-1");
  run(shipper);
  EXPECT_EQ(script_.attempts, (Numbers{{4, 5}}));
}

TEST_F(ShipperTest, ABatchThatIsNotFullWaitsForMore) {
  options_.flush_interval = std::chrono::seconds{1};
  write(1, 2);
  Shipper shipper = make();
  run(shipper);
  EXPECT_TRUE(script_.attempts.empty());
  at_ = at_ + std::chrono::seconds{1};
  run(shipper);
  EXPECT_EQ(script_.attempts, (Numbers{{1, 2}}));
}

TEST_F(ShipperTest, OnlyWhatWasNotTakenIsSentAgainAndTheCursorWaitsForIt) {
  write(1, 4);
  script_.answer = [](std::span<const LedgerLine> lines) {
    Attempt attempt = all(lines, Fate::kDelivered, Next::kBackOff);
    attempt.outcomes[1].fate = Fate::kAgain;
    return attempt;
  };
  Shipper shipper = make();
  const Duration pause = shipper.step(at_);
  EXPECT_EQ(pause, std::chrono::milliseconds{500}) << "full jitter of a second";
  EXPECT_EQ(shipper.cursor().next, 2U);
  script_.answer = [](std::span<const LedgerLine> lines) { return all(lines, Fate::kDuplicate); };
  EXPECT_EQ(shipper.step(at_), pause) << "not before the pause is over";
  at_ = at_ + pause;
  run(shipper);
  EXPECT_EQ(script_.attempts, (Numbers{{1, 2, 3, 4}, {2}}));
  EXPECT_EQ(shipper.cursor().next, 5U);
  EXPECT_EQ(shipper.cursor().delivered, 3U);
  EXPECT_EQ(shipper.cursor().duplicate, 1U);
}

TEST_F(ShipperTest, SeveralBatchesGoAtOnceAndTheCursorWaitsForTheLowest) {
  options_.workers = 3;
  write(1, 18);
  script_.answer = [](std::span<const LedgerLine> lines) {
    const bool lowest = lines.front().sequence == 1;
    return all(lines, lowest ? Fate::kAgain : Fate::kDelivered,
               lowest ? Next::kBackOff : Next::kGoOn);
  };
  Shipper shipper = make();
  const Duration pause = shipper.step(at_);
  std::ranges::sort(script_.attempts);
  EXPECT_EQ(script_.attempts, (Numbers{{1, 2, 3, 4}, {5, 6, 7, 8}, {9, 10, 11, 12}}));
  EXPECT_EQ(shipper.cursor().next, 1U);
  EXPECT_EQ(shipper.step(at_), pause) << "those that are done wait for the lowest";

  script_.attempts.clear();
  script_.answer = [](std::span<const LedgerLine> lines) { return all(lines, Fate::kDelivered); };
  at_ = at_ + pause;
  EXPECT_EQ(shipper.step(at_), Duration{});
  EXPECT_EQ(shipper.cursor().next, 13U);
  run(shipper);
  std::ranges::sort(script_.attempts);
  EXPECT_EQ(script_.attempts, (Numbers{{1, 2, 3, 4}, {13, 14, 15, 16}, {17, 18}}));
  EXPECT_EQ(shipper.cursor().next, 19U);
  EXPECT_EQ(shipper.cursor().delivered, 18U);
}

TEST_F(ShipperTest, PausesGrowWhileNothingIsTaken) {
  write(1, 1);
  script_.answer = [](std::span<const LedgerLine> lines) {
    return all(lines, Fate::kAgain, Next::kBackOff);
  };
  Shipper shipper = make();
  for (const int expected_ms : {500, 1000, 2000, 4000}) {
    const Duration pause = shipper.step(at_);
    EXPECT_EQ(pause, std::chrono::milliseconds{expected_ms});
    at_ = at_ + pause;
  }
  EXPECT_EQ(shipper.cursor().next, 1U);
}

TEST_F(ShipperTest, WhatIsRefusedIsADeadLetterBeforeTheCursorMoves) {
  write(1, 3);
  script_.answer = [](std::span<const LedgerLine> lines) {
    Attempt attempt = all(lines, Fate::kDelivered);
    attempt.outcomes[1] = {Fate::kRefused, 400, "parsing", "bad \"ip\""};
    return attempt;
  };
  Shipper shipper = make();
  run(shipper);
  EXPECT_EQ(shipper.cursor().next, 4U);
  EXPECT_EQ(shipper.cursor().dead, 1U);
  EXPECT_EQ(dead_letters(),
            "{\"destination\": \"fake\", \"at\": \"1970-01-01T00:16:40.000000Z\", \"sequence\": 2, "
            "\"status\": 400, \"type\": \"parsing\", \"reason\": \"bad \\\"ip\\\"\", \"record\": " +
                line_of(2) + "}\n");
}

TEST_F(ShipperTest, ADeadLetterThatTheCursorDidNotGetToSayIsNotWrittenTwice) {
  write(1, 1);
  script_.answer = [](std::span<const LedgerLine> lines) {
    Attempt attempt = all(lines, Fate::kRefused);
    attempt.outcomes[0].status = 400;
    return attempt;
  };
  {
    Shipper shipper = make();
    run(shipper);
  }
  std::filesystem::remove(cursor_folder(ledger_.state) + "/fake");
  {
    std::ofstream file{ledger_.state + "/dead-letters/fake.ndjson", std::ios::app};
    file << "{\"destination\": \"fa";  // and another was torn
  }
  Shipper shipper = make();
  run(shipper);
  EXPECT_EQ(shipper.cursor().dead, 1U);
  const std::string letters = dead_letters();
  EXPECT_EQ(std::ranges::count(letters, '\n'), 1);
  EXPECT_TRUE(letters.ends_with("}\n"));
}

// A kill came between the letter and the cursor; by now the destination might take the record.
TEST_F(ShipperTest, WhatIsADeadLetterIsNotSentAgain) {
  write(1, 2);
  script_.answer = [](std::span<const LedgerLine> lines) {
    Attempt attempt = all(lines, Fate::kDelivered);
    if (lines.front().sequence == 1) attempt.outcomes[0] = {Fate::kRefused, 400, "parsing", "why"};
    return attempt;
  };
  {
    Shipper shipper = make();
    run(shipper);
  }
  std::filesystem::remove(cursor_folder(ledger_.state) + "/fake");
  script_.attempts.clear();
  Shipper shipper = make();
  run(shipper);
  EXPECT_EQ(script_.attempts, (Numbers{{2}}));
  EXPECT_EQ(shipper.cursor().next, 3U);
  EXPECT_EQ(shipper.cursor().dead, 1U);
}

TEST_F(ShipperTest, ABatchThatIsTooLargeIsHalvedUntilTheOneIsFound) {
  write(1, 4);
  script_.answer = [](std::span<const LedgerLine> lines) {
    for (const LedgerLine& line : lines) {
      if (line.sequence != 3) continue;
      Attempt attempt;
      attempt.next = Next::kSmaller;
      attempt.whole = {Fate::kRefused, 413, "too_large", "why"};
      return attempt;
    }
    return all(lines, Fate::kDelivered);
  };
  Shipper shipper = make();
  run(shipper);
  EXPECT_EQ(script_.attempts, (Numbers{{1, 2, 3, 4}, {1, 2}, {3, 4}, {3}, {4}}));
  EXPECT_EQ(shipper.cursor().next, 5U);
  EXPECT_EQ(shipper.cursor().dead, 1U);
  EXPECT_NE(dead_letters().find("\"status\": 413, \"type\": \"too_large\""), std::string::npos);
}

TEST_F(ShipperTest, WhatIsNotSelectedIsCounted) {
  write(1, 6);
  options_.selects = [](std::string_view line) {
    return line.find("\"event.sequence\": 2,") == std::string_view::npos;
  };
  Shipper shipper = make();
  run(shipper);
  EXPECT_EQ(script_.attempts, (Numbers{{1, 3, 4}, {5, 6}}));
  EXPECT_EQ(shipper.cursor().passed, 1U);
  EXPECT_EQ(shipper.cursor().delivered, 5U);
}

TEST_F(ShipperTest, ABatchOfWhichNothingIsSelectedHoldsNothingUp) {
  options_.selects = [](std::string_view line) {
    return line.find("\"event.sequence\": 9,") != std::string_view::npos;
  };
  write(1, 9);  // the first two batches are full
  for (const uint64_t workers : {1U, 3U}) {
    options_.workers = workers;
    script_.attempts.clear();
    Shipper shipper = make();
    run(shipper);
    EXPECT_EQ(script_.attempts, (Numbers{{9}}));
    EXPECT_EQ(shipper.cursor().passed, 8U);
    EXPECT_EQ(shipper.cursor().next, 10U);
    std::filesystem::remove_all(ledger_.state);
    std::filesystem::create_directories(ledger_.state);
  }
}

TEST_F(ShipperTest, NothingWaitsForAClockThatWasSetBack) {
  write(1, 1);
  script_.answer = [](std::span<const LedgerLine> lines) {
    return all(lines, Fate::kAgain, Next::kHold);
  };
  Shipper shipper = make();
  EXPECT_GT(shipper.step(at_), Duration{});
  script_.answer = [](std::span<const LedgerLine> lines) { return all(lines, Fate::kDelivered); };
  at_ = at_ - std::chrono::hours{1};
  run(shipper);
  EXPECT_EQ(shipper.cursor().next, 2U);
}

TEST_F(ShipperTest, NumbersThatNoLineHasAreMissingNotLost) {
  write(1, 2);
  write(10, 11);
  Shipper shipper = make();
  run(shipper);
  EXPECT_EQ(shipper.cursor().next, 12U);
  EXPECT_EQ(shipper.cursor().missing, 7U);
  EXPECT_EQ(shipper.cursor().lost, 0U);
  EXPECT_TRUE(shipper.cursor().balances());
}

TEST_F(ShipperTest, WhatRetentionRemovedFirstIsLost) {
  make();  // it was there from the beginning
  keep_from(8);
  write(8, 9);
  Shipper shipper = make();
  run(shipper);
  EXPECT_EQ(shipper.cursor().missing, 7U);
  EXPECT_EQ(shipper.cursor().lost, 7U);
}

TEST_F(ShipperTest, WhatWasRemovedBeforeItWasThereIsNotLostToIt) {
  keep_from(8);
  write(8, 9);
  Shipper shipper = make();
  EXPECT_EQ(read_cursors(ledger_.state).at(0).cursor.next, 8U) << "retention knows of it";
  run(shipper);
  EXPECT_EQ(shipper.cursor().missing, 7U);
  EXPECT_EQ(shipper.cursor().lost, 0U);
}

TEST_F(ShipperTest, ALineThatIsNotSyncedYetWaits) {
  write(1, 4);
  CoveredMark mark{ledger_.state + "/covered"};
  mark.set_synced_end(3);
  Shipper shipper = make();
  run(shipper);
  EXPECT_EQ(script_.attempts, (Numbers{{1, 2}}));
  mark.set_synced_end(5);
  run(shipper);
  EXPECT_EQ(script_.attempts, (Numbers{{1, 2}, {3, 4}}));
}

TEST_F(ShipperTest, ALedgerThatIsNotThereYetIsWaitedFor) {
  Shipper shipper = make();
  EXPECT_GT(shipper.step(at_), Duration{});
  write(1, 1);
  run(shipper);
  EXPECT_EQ(script_.attempts, (Numbers{{1}}));
}

TEST_F(ShipperTest, ItGoesOnOverARotation) {
  write(1, 2);
  Shipper shipper = make();
  run(shipper);
  std::filesystem::rename(ledger_.directory + "/conntrack.json",
                          ledger_.directory + "/" + sealed_name(1));
  write(3, 4);
  run(shipper);
  EXPECT_EQ(script_.attempts, (Numbers{{1, 2}, {3, 4}}));
}

}  // namespace
}  // namespace natledger
