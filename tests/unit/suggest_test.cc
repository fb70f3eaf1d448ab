// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/suggest.h"

#include <gtest/gtest.h>

namespace natledger {
namespace {

constexpr std::string_view kKnown[] = {"source", "ledger", "observer", "log", "tags"};

struct NearestCase {
  const char* word;
  const char* nearest;
};

TEST(Suggest, TheNearestWithinThreeEdits) {
  const NearestCase cases[] = {
      {"source", "source"},
      {"sorce", "source"},     // one left out
      {"sourcee", "source"},   // one too many
      {"sourse", "source"},    // one replaced
      {"suorce", "source"},    // two swapped: two edits
      {"ledgxyz", "ledger"},   // three edits
      {"ledwxyz", ""},         // four
      {"server", "observer"},  // two of "observer", and farther from the others
      {"tag", "tags"},
      {"LOG", ""},  // as many edits as letters: no likeness at all
      {"x", ""},
      {"", ""},
  };
  for (const NearestCase& c : cases) EXPECT_EQ(nearest(c.word, kKnown), c.nearest) << c.word;
}

TEST(Suggest, OfEquallyNearOnesTheFirst) {
  constexpr std::string_view known[] = {"sport", "dport"};
  EXPECT_EQ(nearest("xport", known), "sport");
}

TEST(Suggest, NothingKnownNothingNear) { EXPECT_EQ(nearest("word", {}), ""); }

TEST(Suggest, OneWordWhenItIsNearElseAllOfThem) {
  EXPECT_EQ(suggestion("sorce", kKnown), "; did you mean \"source\"?");
  EXPECT_EQ(suggestion("elasticsearch", kKnown), "; one of source, ledger, observer, log, tags");
}

}  // namespace
}  // namespace natledger
