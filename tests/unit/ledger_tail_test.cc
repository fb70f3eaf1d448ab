// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/ledger_tail.h"

#include <fstream>

#include <gtest/gtest.h>

#include "unit/test_support.h"

namespace natledger {
namespace {

class LedgerTailTest : public testing::Test {
 protected:
  LedgerTailTest() { ledger_.directory = ledger_.state = dir_.path(); }

  void write(uint64_t sequence, uint64_t of_id) {
    std::ofstream{dir_ / "conntrack.json", std::ios::app}
        << R"({"event.sequence": )" << sequence << R"(, "event.id": "l-e-)" << of_id << "\"}\n";
  }

  static std::vector<uint64_t> read(LedgerTail& tail) {
    std::vector<uint64_t> numbers;
    for (LedgerLine line; tail.next(line);) numbers.push_back(line.sequence);
    return numbers;
  }

  TempDir dir_;
  LedgerOptions ledger_;
};

using Numbers = std::vector<uint64_t>;

TEST_F(LedgerTailTest, ANumberThatTheDiskDamagedHidesNoOtherLine) {
  write(1, 1);
  write(70'002, 2);
  write(3, 3);
  LedgerTail tail{ledger_, 1};
  EXPECT_EQ(read(tail), (Numbers{1, 3}));
  const std::vector<Damage> damages = tail.take_damages();
  ASSERT_EQ(damages.size(), 1U);
  EXPECT_EQ(damages[0].what, "a line says that it is number 70002, and its event.id is another");
  EXPECT_TRUE(tail.take_damages().empty());
}

TEST_F(LedgerTailTest, NumbersThatNoLineHasAreNoDamage) {
  write(5, 5);
  write(9, 9);
  LedgerTail tail{ledger_, 1};
  EXPECT_EQ(read(tail), (Numbers{5, 9}));
  EXPECT_TRUE(tail.take_damages().empty());
}

}  // namespace
}  // namespace natledger
