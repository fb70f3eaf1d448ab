// SPDX-License-Identifier: GPL-2.0-or-later
// One HTTP request to one host, over a connection that is kept.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "base/time.h"

namespace natledger {

struct TlsOptions {
  std::string certificate_authorities;  // a PEM file; empty: the system's
  std::string ca_trusted_fingerprint;   // SHA-256 of a CA certificate's DER in hex
  std::string certificate;              // the client's, PEM
  std::string key;
  bool verify = true;
};

// At most one of the three kinds of credentials is given.
struct Credentials {
  std::string username, password;
  std::string api_key;  // "id:key", or base64 of that
  std::string bearer;
};

struct HttpOptions {
  TlsOptions tls;
  Credentials credentials;
  std::string proxy_url;
  std::vector<std::string> headers;  // "Name: value"
  Duration timeout = std::chrono::seconds{90};
  std::stop_token stop = {};  // a request that is under way then is left soon
  // Told of each connection before it is made; empty: nobody wants to know.
  std::function<void(const Endpoint& own, const Endpoint& other)> tell_connection;
};

struct HttpRequest {
  const char* method = "GET";
  std::string_view path = {};  // with its query; begins with '/'
  std::string_view body = {};  // valid during the call; empty: none
  const char* content_type = "application/json";
  bool gzip = false;  // the body is
  uint64_t most_answer_bytes = 256 << 20;
};

struct HttpAnswer {
  // Why there is no whole answer, without secrets; empty: there is one.
  std::string failure;
  std::string_view remedy;  // of that; may be empty
  // Whether the request may have had its effect all the same.
  bool ambiguous = false;
  // The server closed the connection without a word, as it does where it cannot unpack a body.
  bool silent = false;
  int status = 0;
  std::string body;
  std::chrono::seconds retry_after{};  // zero: it did not say
};

class HttpClient {
 public:
  // `url`: scheme, host, port and a path in front of all others. Throws ConfigError when that is
  // none, SystemError when a certificate cannot be read.
  HttpClient(const std::string& url, const HttpOptions& options);
  ~HttpClient();
  HttpClient(HttpClient&&) noexcept;

  HttpAnswer send(const HttpRequest& request);
  // Without user and password.
  const std::string& shown_url() const { return shown_url_; }

 private:
  struct Handle;
  std::unique_ptr<Handle> handle_;
  std::string url_;
  std::string shown_url_;
};

}  // namespace natledger
