// SPDX-License-Identifier: GPL-2.0-or-later
// Ids of flows that an earlier run told of first.
#include <gtest/gtest.h>

#include "encode/encoder.h"

namespace natledger {
namespace {

TEST(EncoderId, AnIdIsOfTheEpochThatGaveItsNumber) {
  Flow flow;
  flow.sequence = 9;
  flow.first_sequence = 7;
  flow.first_epoch = 2;
  flow.parent_sequence = 8;
  flow.parent_epoch = 1;
  EncoderOptions options;
  options.id_prefix = "ledger-cccc-";
  options.earlier_id_prefixes = {"ledger-aaaa-", "ledger-bbbb-"};
  const std::string line = make_encoder(Record::kFull, options)->encode(flow);
  EXPECT_NE(line.find(R"("event.id": "ledger-cccc-9", "flow.id": "ledger-bbbb-7", )"
                      R"("flow.parent": "ledger-aaaa-8")"),
            std::string::npos)
      << line;
}

}  // namespace
}  // namespace natledger
