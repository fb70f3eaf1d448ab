// SPDX-License-Identifier: GPL-2.0-or-later
// What the bench of shipping is measured with: a sink that answers as _bulk does and costs little,
// and the least that shipping can cost.
//
//   natledger_bulk_sink serve PORT            until it is killed; GET /count says what has come
//   natledger_bulk_sink floor FILE PORT [gzip]   reads lines, frames them, sends them; no more
#include <arpa/inet.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/unique_fd.h"

namespace natledger {
namespace {

constexpr size_t kMostRecords = 5000;
constexpr size_t kMostBytes = 5 << 20;
constexpr std::string_view kAction = "{\"create\":{}}\n";
constexpr std::string_view kItem = R"({"create":{"_index":".ds-sink-000001","status":201}})";

std::atomic<uint64_t> g_records{0}, g_wire_bytes{0};

sockaddr_in loopback(const char* port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(std::stoi(port)));
  return address;
}

// The value of a header, whatever its case; empty when there is none.
std::string_view header(std::string_view head, std::string_view name) {
  for (size_t at = head.find("\r\n"); at != head.npos; at = head.find("\r\n", at + 2)) {
    const std::string_view line = head.substr(at + 2);
    if (line.size() <= name.size() || line[name.size()] != ':') continue;
    if (::strncasecmp(line.data(), name.data(), name.size()) != 0) continue;
    const std::string_view rest = line.substr(name.size() + 1, line.find("\r\n") - name.size() - 1);
    return rest.substr(std::min(rest.find_first_not_of(' '), rest.size()));
  }
  return {};
}

// One connection of HTTP/1.1, read message by message.
class Connection {
 public:
  explicit Connection(UniqueFd fd) : fd_(std::move(fd)) {
    const int on = 1;
    ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }

  // False when the other side is gone.
  bool receive() {
    size_t end;
    while ((end = buffer_.find("\r\n\r\n")) == buffer_.npos) {
      if (!read_more()) return false;
    }
    head_ = buffer_.substr(0, end + 2);
    buffer_.erase(0, end + 4);
    if (!header(head_, "Expect").empty()) send("HTTP/1.1 100 Continue\r\n\r\n");
    const std::string_view length = header(head_, "Content-Length");
    size_t bytes = 0;
    std::from_chars(length.data(), length.data() + length.size(), bytes);
    buffer_.reserve(bytes);
    while (buffer_.size() < bytes) {
      if (!read_more()) return false;
    }
    body_.assign(buffer_, 0, bytes);
    buffer_.erase(0, bytes);
    return true;
  }

  void send(std::string_view text) {
    if (!write_whole(fd_.get(), text)) throw SystemError("send", errno);
  }
  void answer(std::string_view body) {
    send(
        "HTTP/1.1 200 OK\r\nX-Elastic-Product: Elasticsearch\r\nContent-Type: application/json"
        "\r\nContent-Length: " +
        std::to_string(body.size()) + "\r\n\r\n" + std::string{body});
  }

  std::string_view head() const { return head_; }
  const std::string& body() const { return body_; }

 private:
  bool read_more() {
    const size_t before = buffer_.size();
    buffer_.resize(before + (256 << 10));
    const ssize_t got = ::read(fd_.get(), buffer_.data() + before, buffer_.size() - before);
    buffer_.resize(before + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    return got > 0;
  }

  const UniqueFd fd_;
  std::string buffer_, head_, body_;
};

size_t count_records(const Connection& connection) {
  const std::string& body = connection.body();
  if (header(connection.head(), "Content-Encoding") != "gzip") {
    return static_cast<size_t>(std::ranges::count(body, '\n')) / 2;
  }
  std::string plain(64 << 20, '\0');
  libdeflate_decompressor* const inflate = libdeflate_alloc_decompressor();
  size_t bytes = 0;
  check(libdeflate_gzip_decompress(inflate, body.data(), body.size(), plain.data(), plain.size(),
                                   &bytes) == LIBDEFLATE_SUCCESS,
        "a body is no gzip");
  libdeflate_free_decompressor(inflate);
  return static_cast<size_t>(
             std::count(plain.begin(), plain.begin() + static_cast<long>(bytes), '\n')) /
         2;
}

void serve_connection(UniqueFd fd) {
  Connection connection{std::move(fd)};
  while (connection.receive()) {
    if (connection.head().starts_with("GET /count")) {
      connection.answer("[" + std::to_string(g_records) + ", " + std::to_string(g_wire_bytes) +
                        "]");
      continue;
    }
    const size_t records = count_records(connection);
    std::string body = R"({"took":1,"errors":false,"items":[)";
    for (size_t i = 0; i < records; ++i) body.append(i == 0 ? "" : ",").append(kItem);
    g_wire_bytes += connection.head().size() + 2 + connection.body().size();
    g_records += records;
    connection.answer(body + "]}");
  }
}

[[noreturn]] void serve(const char* port) {
  const UniqueFd listening{check_call("socket", ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))};
  const int on = 1;
  ::setsockopt(listening.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const sockaddr_in address = loopback(port);
  check_call("bind",
             ::bind(listening.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address));
  check_call("listen", ::listen(listening.get(), 64));
  for (;;) {
    UniqueFd accepted{
        check_call("accept", ::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC))};
    std::thread{[fd = std::move(accepted)]() mutable {
      try {
        serve_connection(std::move(fd));
      } catch (const std::exception& gone) {
        std::fprintf(stderr, "sink: %s\n", gone.what());
      }
    }}.detach();
  }
}

class Floor {
 public:
  Floor(const char* port, bool gzip)
      : gzip_(gzip), deflate_(libdeflate_alloc_compressor(1)), connection_(connect(port)) {}
  ~Floor() { libdeflate_free_compressor(deflate_); }

  void add(std::string_view line) {
    body_.append(kAction).append(line).push_back('\n');
    if (++records_ == kMostRecords || body_.size() >= kMostBytes) send();
  }

  void send() {
    if (records_ == 0) return;
    std::string_view body = body_;
    if (gzip_) {
      packed_.resize(libdeflate_gzip_compress_bound(deflate_, body.size()));
      body = std::string_view{packed_}.substr(
          0, libdeflate_gzip_compress(deflate_, body_.data(), body_.size(), packed_.data(),
                                      packed_.size()));
    }
    connection_.send(
        "POST /_bulk HTTP/1.1\r\nHost: sink\r\nContent-Type: application/x-ndjson\r\n" +
        std::string{gzip_ ? "Content-Encoding: gzip\r\n" : ""} +
        "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n");
    connection_.send(body);
    check(connection_.receive(), "the sink is gone");
    body_.clear();
    records_ = 0;
  }

 private:
  static UniqueFd connect(const char* port) {
    UniqueFd fd{check_call("socket", ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))};
    const sockaddr_in address = loopback(port);
    check_call("connect",
               ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address));
    return fd;
  }

  const bool gzip_;
  libdeflate_compressor* const deflate_;
  Connection connection_;
  std::string body_, packed_;
  size_t records_ = 0;
};

void run_floor(const char* path, const char* port, bool gzip) {
  Floor floor{port, gzip};
  const UniqueFd file = open_file(path, O_RDONLY);
  std::vector<char> buffer(1 << 20);
  size_t kept = 0;
  for (ssize_t got; (got = ::read(file.get(), buffer.data() + kept, buffer.size() - kept)) > 0;) {
    const char* at = buffer.data();
    const char* const end = at + kept + got;
    while (const void* newline = std::memchr(at, '\n', static_cast<size_t>(end - at))) {
      const auto* const next = static_cast<const char*>(newline);
      floor.add({at, static_cast<size_t>(next - at)});
      at = next + 1;
    }
    kept = static_cast<size_t>(end - at);
    std::memmove(buffer.data(), at, kept);
  }
  floor.send();
}

}  // namespace
}  // namespace natledger

int main(int argc, char** argv) {
  const std::vector<std::string_view> words{argv + 1, argv + argc};
  if (words.size() == 2 && words[0] == "serve") natledger::serve(argv[2]);
  if (words.size() < 3 || words[0] != "floor") {
    std::fputs("usage: natledger_bulk_sink serve PORT | floor FILE PORT [gzip]\n", stderr);
    return 2;
  }
  natledger::run_floor(argv[2], argv[3], words.size() == 4);
  return 0;
}
