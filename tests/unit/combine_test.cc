// SPDX-License-Identifier: GPL-2.0-or-later
// What several gateways say together.
#include "unit/who_fixture.h"

namespace natledger {
namespace {

class CombineTest : public WhoTest {
 protected:
  // Ends a gateway's ledger, of which it says what follows; the next begins.
  void gateway(const std::string& ledger, const std::string& observer) {
    Answer answer = ask("1.2.3.4:53500", at(200));
    answer.gateways = {{ledger, observer, answer.covered, answer.record_begin, answer.record_end}};
    answers_.push_back(answer);
    lines_.clear();
    next_ = 1;
  }
  Answer together() {
    Answer answer = combine(answers_);
    answer.source = "https://server";
    return answer;
  }
  int verdict() { return static_cast<int>(together().verdict); }

  std::vector<Answer> answers_;
};

TEST_F(CombineTest, OneIsWhatItIs) {
  begin();
  start("a", {.start = at(100)});
  gateway("f1", "gw1");
  EXPECT_EQ(verdict(), 0);
  EXPECT_EQ(answer_text(together()), answer_text(answers_[0]));
}

TEST_F(CombineTest, NobodyWhereEachCovers) {
  begin();
  gateway("f1", "gw1");
  begin();
  gateway("f2", "gw2");
  EXPECT_EQ(verdict(), 1);
}

TEST_F(CombineTest, OneHostOfOneOfThem) {
  begin();
  start("a", {.start = at(100)});
  gateway("f1", "gw1");
  begin();
  gateway("f2", "gw2");
  EXPECT_EQ(verdict(), 0);
  EXPECT_NE(answer_text(together()).find("\nIt was 192.168.1.129 behind gw1.\n"), std::string::npos)
      << answer_text(together());
}

TEST_F(CombineTest, AHoleOfEitherIsAHole) {
  begin();
  start("a", {.start = at(100)});
  gateway("f1", "gw1");
  begin();
  coverage("coverage-gap", at(210), "overrun", at(190));
  gateway("f2", "gw2");
  EXPECT_EQ(verdict(), 5);
  EXPECT_NE(answer_text(together()).find(": the kernel dropped events (gw2)\n"), std::string::npos)
      << answer_text(together());
  answers_[0].candidates.clear();
  EXPECT_EQ(verdict(), 4);
}

TEST_F(CombineTest, OneInsideAddressBehindTwoGatewaysIsTwoHosts) {
  for (const char* const ledger : {"f1", "f2"}) {
    begin();
    start("a", {.start = at(100)});
    gateway(ledger, "gw1");
  }
  EXPECT_EQ(verdict(), 3);
  const std::string text = answer_text(together());
  EXPECT_NE(text.find("Several hosts: 192.168.1.129 behind gw1 (f1), 192.168.1.129 behind gw1 "
                      "(f2).\nSeveral gateways had flows behind this address; --gateway asks one "
                      "of them.\n"),
            std::string::npos)
      << text;
}

TEST_F(CombineTest, OneThatTellsOfNoCoverageProvesNothing) {
  begin();
  gateway("f1", "gw1");
  covered_to_ = {};
  gateway("f2", "");
  EXPECT_EQ(verdict(), 4);
  EXPECT_NE(answer_text(together()).find("\nledger f2: The ledger covers no time at all.\n"),
            std::string::npos)
      << answer_text(together());
  EXPECT_FALSE(together().record_begin.known());
}

}  // namespace
}  // namespace natledger
