// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/past.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "ledger/segment.h"
#include "ledger/state.h"
#include "unit/test_support.h"

namespace natledger {
namespace {

constexpr const char* kOurs = "0123456789ab";

class PastTest : public testing::Test {
 protected:
  PastTest() {
    ledger_.directory = dir_ / "ledger";
    ledger_.state = dir_ / "state";
    std::filesystem::create_directories(ledger_.directory);
    std::filesystem::create_directories(ledger_.state);
  }

  void write(const std::string& name, uint64_t from, uint64_t to, const std::string& id = kOurs) {
    std::ofstream file{ledger_.directory + "/" + name, std::ios::app};
    for (uint64_t i = from; i <= to; ++i) {
      const std::string number = std::to_string(i);
      file << R"({"@timestamp": "2014-02-22T12:27:04.000000Z", "event.sequence": )" + number +
                  R"(, "event.id": ")" + id + "-0-" + number + "\"}\n";
    }
  }
  void keep_state() {
    LedgerState state;
    state.ledger_id = kOurs;
    StateFile{ledger_.state + "/sequence"}.store(state);
  }
  void leave_dead_letters() {
    std::filesystem::create_directories(ledger_.state + "/dead-letters");
    std::ofstream{ledger_.state + "/dead-letters/es.ndjson"};
  }
  uint64_t up_to(const Cursor& cursor = {}) const {
    const Past past = past_of(ledger_, "es", cursor);
    return past.is_first_run ? 0 : past.up_to;
  }

  TempDir dir_;
  LedgerOptions ledger_;
};

TEST_F(PastTest, NothingWasSentFromAStateThatKnowsOfNoDestination) {
  write("conntrack.json", 1, 9);
  keep_state();
  EXPECT_EQ(up_to(), 0U);
  EXPECT_EQ(past_of(ledger_, "es", {}).up_to, 9U) << "unless the destination knows better";
  Cursor behind_what_was_removed;
  behind_what_was_removed.next = 5;
  behind_what_was_removed.missing = 4;
  EXPECT_EQ(up_to(behind_what_was_removed), 0U);
}

TEST_F(PastTest, WithoutALedgerNothingCanHaveBeen) {
  EXPECT_EQ(up_to(), 0U);
  std::filesystem::remove(ledger_.directory);
  EXPECT_EQ(up_to(), 0U);
}

TEST_F(PastTest, ADestinationThatWasBegunMayHaveAllThatIsThere) {
  write("conntrack.json", 1, 9);
  keep_state();
  Cursor begun;
  begun.memory = "index-1";
  EXPECT_EQ(up_to(begun), 9U);
  EXPECT_EQ(past_of(ledger_, "es", begun).memory, "index-1");
}

TEST_F(PastTest, SoMayOneWhoseCursorWasRemoved) {
  write("conntrack.json", 1, 9);
  keep_state();
  leave_dead_letters();
  EXPECT_EQ(up_to(), 9U);
}

TEST_F(PastTest, SoMayOneWhoseStateWasLost) {
  write(sealed_name(1), 1, 9, "ba9876543210");
  write("conntrack.json", 10, 12);
  EXPECT_EQ(up_to(), 12U) << "no state at all";
  keep_state();
  EXPECT_EQ(up_to(), 12U) << "a new one, of an agent that found none";
}

TEST_F(PastTest, TheLastLineMayStandInASealedSegment) {
  leave_dead_letters();
  write(sealed_name(1), 1, 9);
  EXPECT_EQ(up_to(), 9U);
  write("conntrack.json", 1, 0);
  EXPECT_EQ(up_to(), 9U) << "the active one is empty";
}

}  // namespace
}  // namespace natledger
