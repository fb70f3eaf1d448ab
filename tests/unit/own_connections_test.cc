// SPDX-License-Identifier: GPL-2.0-or-later
#include "ledger/own_connections.h"

#include <sys/stat.h>

#include <gtest/gtest.h>

#include "unit/test_support.h"

namespace natledger {
namespace {

OwnConnection connection(uint16_t source_port) {
  const IpAddress address = parse_address("192.0.2.1").value_or(IpAddress{});
  return {address, address, source_port, 9200};
}

// A full disk must not keep what is delivered from being told of.
TEST(OwnConnections, TakeNoMoreRoomWhenTheyAreAdded) {
  const TempDir state;
  OwnConnections table{state / ""};
  const auto room = [&] {
    struct stat status {};
    EXPECT_EQ(::stat((state / "connections/own").c_str(), &status), 0);
    return std::pair{status.st_size, status.st_blocks};
  };
  const auto before = room();
  EXPECT_GT(before.second, 0);
  EXPECT_EQ(table.count(), 0U);
  EXPECT_TRUE(table.read().empty());
  for (uint16_t port = 1; port <= OwnConnections::kSlots + 3; ++port) table.add(connection(port));
  EXPECT_EQ(room(), before);
  EXPECT_EQ(table.count(), OwnConnections::kSlots + 3);
  EXPECT_EQ(table.read().size(), OwnConnections::kSlots);
}

}  // namespace
}  // namespace natledger
