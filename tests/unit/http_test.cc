// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/http.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/unique_fd.h"

namespace natledger {
namespace {

// Answers the first request of the first connection, and closes upon every other one.
class ClosingServer {
 public:
  ClosingServer() : listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_in loopback{};
    loopback.sin_family = AF_INET;
    loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(
        0, ::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&loopback), sizeof loopback));
    EXPECT_EQ(0, ::listen(listener_.get(), 8));
    thread_ = std::thread{[this] { serve(); }};
  }
  ~ClosingServer() { stop(); }

  std::string url() const {
    sockaddr_in own{};
    socklen_t bytes = sizeof own;
    EXPECT_EQ(0, ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&own), &bytes));
    return "http://127.0.0.1:" + std::to_string(ntohs(own.sin_port));
  }

  // How many requests it has read.
  int stop() {
    if (thread_.joinable()) {
      ::shutdown(listener_.get(), SHUT_RDWR);
      thread_.join();
    }
    return requests_;
  }

 private:
  void serve() {
    for (;;) {
      const UniqueFd connection{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
      if (!connection) return;
      while (read_request(connection.get())) {
        if (++requests_ > 1) break;
        const std::string_view answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        EXPECT_EQ(std::ssize(answer),
                  ::send(connection.get(), answer.data(), answer.size(), MSG_NOSIGNAL));
      }
    }
  }

  // Up to its end, which the test's bodies mark.
  static bool read_request(int connection) {
    std::string got;
    char some[1024];
    while (!got.ends_with("the end")) {
      const ssize_t bytes = ::recv(connection, some, sizeof some, 0);
      if (bytes <= 0) return false;
      got.append(some, static_cast<size_t>(bytes));
    }
    return true;
  }

  UniqueFd listener_;
  int requests_ = 0;
  std::thread thread_;
};

TEST(HttpTest, WhatIsNoUrlIsSaidWithoutItsPassword) {
  try {
    HttpClient{"user:secret@host:9200", HttpOptions{}};
    FAIL() << "it is a URL";
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(), "\"host:9200\" is no URL (https://host:9200)");
  }
}

TEST(HttpTest, ARequestWithoutAnAnswerIsNotSentAgainByTheLibrary) {
  ClosingServer server;
  HttpClient client{server.url(), HttpOptions{}};
  const HttpRequest request{.method = "POST", .path = "/_bulk", .body = "the end"};
  EXPECT_EQ(200, client.send(request).status);
  const HttpAnswer answer = client.send(request);
  EXPECT_EQ("Empty reply from server", answer.failure);
  EXPECT_TRUE(answer.ambiguous);
  EXPECT_TRUE(answer.silent);
  EXPECT_EQ(2, server.stop());
}

}  // namespace
}  // namespace natledger
