// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/hosts.h"

#include <string>

#include <gtest/gtest.h>

namespace natledger {
namespace {

constexpr TimePoint kStart{1'000'000'000};

std::string chosen(Hosts& hosts, TimePoint at) { return hosts.choose(at).shown_url(); }

void fail(Hosts& hosts, TimePoint at, int times) {
  for (int i = 0; i < times; ++i) {
    hosts.choose(at);
    hosts.failed(at);
  }
}

TEST(HostsTest, OneThatIsAloneIsAskedHoweverOftenItFailed) {
  Hosts hosts{{"http://a:9200"}, HttpOptions{}};
  fail(hosts, kStart, 50);
  EXPECT_EQ("http://a:9200", chosen(hosts, kStart));
}

TEST(HostsTest, WhereAllRestTheOneWhoseRestEndsFirstIsAsked) {
  Hosts hosts{{"http://a:9200", "http://b:9200"}, HttpOptions{}};
  fail(hosts, kStart, 10);  // five each
  EXPECT_EQ("http://a:9200", chosen(hosts, kStart));
  hosts.failed(kStart);
  EXPECT_EQ("http://b:9200", chosen(hosts, kStart));
  hosts.succeeded();
  hosts.failed(kStart);  // once: b does not rest, and a does
  EXPECT_EQ("http://b:9200", chosen(hosts, kStart));
}

}  // namespace
}  // namespace natledger
