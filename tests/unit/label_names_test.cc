// SPDX-License-Identifier: GPL-2.0-or-later
// connlabel.conf as libnetfilter_conntrack 1.0.9 reads it, whose nfct_labelmap_get_name() gave the
// expectations, but for names that it refuses and we can print.
#include <gtest/gtest.h>

#include "encode/encoder.h"

namespace natledger {
namespace {

using Names = std::vector<std::pair<unsigned, std::string>>;

Names names_in(std::string_view text) {
  const auto all = parse_label_names(text);
  Names found;
  for (unsigned bit = 0; bit < all.size(); ++bit) {
    if (!all[bit].empty()) found.emplace_back(bit, all[bit]);
  }
  return found;
}

struct LabelCase {
  const char* what;
  std::string_view text;
  Names names;
};

TEST(LabelNames, AsTheLibraryReadsThem) {
  const LabelCase cases[] = {
      {"an empty file", "", {}},
      {"blank lines", "\n\n \t\n", {}},
      {"a name each", "0 eth0-in\n1\teth0-out\n", {{0, "eth0-in"}, {1, "eth0-out"}}},
      {"the last bit", "127 last\n", {{127, "last"}}},
      {"indented", "  3 \t indented\n", {{3, "indented"}}},
      {"blanks within and after", "2 two words \t\n", {{2, "two words"}}},
      {"a line's end of DOS", "15 cr\r\n", {{15, "cr"}}},
      {"no end of line", "22 noeol", {{22, "noeol"}}},
      {"hexadecimal", "0x10 hex\n", {{16, "hex"}}},
      {"octal", "010 octal\n", {{8, "octal"}}},
      {"the first name of a bit", "9 first\n9 second\n", {{9, "first"}}},
      {"comments", "# 1 comment\n#2 another\n3 three\n", {{3, "three"}}},
  };
  for (const LabelCase& c : cases) EXPECT_EQ(names_in(c.text), c.names) << c.what;
}

TEST(LabelNames, BadLinesArePassedOver) {
  const std::string_view bad[] = {
      "128 beyond",
      "-1 negative",
      "99999999999999999999 big",
      "4294967296 wraps to 0",
      "4",
      "5  ",
      "6x joined",
      "0x hex",
      "name 7",
      "name",
      "1.5 half",
      std::string_view{"\0", 1},
  };
  for (const std::string_view line : bad) {
    const std::string text = "1 before\n" + std::string{line} + "\n2 after\n";
    EXPECT_EQ(names_in(text), (Names{{1, "before"}, {2, "after"}})) << line;
  }
}

TEST(LabelNames, NamesThatTheLibraryRefusesAreKept) {
  EXPECT_EQ(names_in("14 z\u00fcrich\n"), (Names{{14, "z\u00fcrich"}}));
  EXPECT_EQ(names_in("17 a#b\n"), (Names{{17, "a#b"}}));
  EXPECT_EQ(names_in("18 bad\xff\n"), (Names{{18, "bad\xff"}})) << "the encoder replaces it";
}

TEST(LabelNames, AreWrittenAsValidJson) {
  EncoderOptions options;
  options.label_names = parse_label_names("0 z\u00fcrich\n1 bad\xff\"\\\n");
  Flow flow;
  flow.labels.words[0] = 0b111;
  const std::string line{make_encoder(Record::kFull, options)->encode(flow)};
  EXPECT_NE(line.find("\"conntrack.labels\": [\"z\u00fcrich\", \"bad\ufffd\\\"\\\\\", \"2\"]"),
            line.npos)
      << line;
}

}  // namespace
}  // namespace natledger
