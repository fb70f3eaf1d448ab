// SPDX-License-Identifier: GPL-2.0-or-later
// libcurl, and nothing else of ours includes it. Redirects are not followed: a POST that goes
// elsewhere is a mistake that somebody must know of.
#include "ship/http.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <charconv>
#include <chrono>
#include <mutex>
#include <optional>
#include <utility>

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "base/error.h"
#include "base/handle.h"
#include "base/socket_address.h"
#include "base/unique_fd.h"
#include "ledger/checksum.h"

namespace natledger {

namespace {

using Curl = Handle<CURL, curl_easy_cleanup>;
using Headers = Handle<curl_slist, curl_slist_free_all>;
using Url = Handle<CURLU, curl_url_cleanup>;

void add_header(Headers& headers, const std::string& text) {
  curl_slist* longer = curl_slist_append(headers.get(), text.c_str());
  check(longer != nullptr, "libcurl has no memory for a header");
  static_cast<void>(headers.release());
  headers.reset(longer);
}

std::string base64(const std::string& text) {
  std::string encoded(4 * (text.size() / 3 + 1) + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  encoded.resize(static_cast<size_t>(size));
  return encoded;
}

// In lower case, without colons.
std::string plain_fingerprint(const std::string& text) {
  std::string plain;
  for (const char c : text) {
    if (c != ':') plain += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return plain;
}

std::string fingerprint_of(X509* certificate) {
  unsigned char* der = nullptr;
  const int bytes = i2d_X509(certificate, &der);
  if (bytes <= 0) return {};
  std::string hex = sha256_hex({reinterpret_cast<const char*>(der), static_cast<size_t>(bytes)});
  OPENSSL_free(der);
  return hex;
}

// What the callbacks of one request fill.
struct Receiving {
  std::string body;
  uint64_t most_bytes = 0;
  bool too_long = false;
};

size_t take_body(char* bytes, size_t, size_t count, void* to) {
  auto& receiving = *static_cast<Receiving*>(to);
  if (receiving.body.size() + count > receiving.most_bytes) {
    receiving.too_long = true;
    return 0;
  }
  receiving.body.append(bytes, count);
  return count;
}

// Where a kept connection ends without an answer, libcurl sends once more, without a word, a body
// that it holds; around a rollover that makes a copy which nobody looks for. One that it reads, and
// cannot rewind, it sends once.
size_t give_body(char* to, size_t size, size_t count, void* from) {
  auto& left = *static_cast<std::string_view*>(from);
  const size_t bytes = left.copy(to, size * count);
  left.remove_prefix(bytes);
  return bytes;
}

// Outcomes before the server can have read a whole request.
bool never_sent(CURLcode code) {
  constexpr std::array kBefore{CURLE_UNSUPPORTED_PROTOCOL,     CURLE_URL_MALFORMAT,
                               CURLE_COULDNT_RESOLVE_PROXY,    CURLE_COULDNT_RESOLVE_HOST,
                               CURLE_COULDNT_CONNECT,          CURLE_SSL_CONNECT_ERROR,
                               CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM,
                               CURLE_SSL_CACERT_BADFILE,       CURLE_PROXY};
  return std::ranges::find(kBefore, code) != kBefore.end();
}

std::string_view remedy_of(CURLcode code) {
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return "look at the server's certificate, and at ssl.certificate_authorities";
    case CURLE_SSL_CONNECT_ERROR:
      return "is that a TLS port, and does it want a client's certificate?";
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
      return "is it up, and is that its address?";
    default:
      return "look at the server, and at what stands before it";
  }
}

// A CA is trusted for its fingerprint: where the chain holds it, the chain is verified with that CA
// alone as its root.
int verify_by_fingerprint(X509_STORE_CTX* context, void* wanted) {
  STACK_OF(X509)* chain = X509_STORE_CTX_get0_untrusted(context);
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    X509* certificate = sk_X509_value(chain, i);
    if (fingerprint_of(certificate) != *static_cast<const std::string*>(wanted)) continue;
    STACK_OF(X509)* roots = sk_X509_new_null();
    sk_X509_push(roots, certificate);
    X509_STORE_CTX_set0_trusted_stack(context, roots);
    const int verified = X509_verify_cert(context);
    X509_STORE_CTX_set0_trusted_stack(context, nullptr);
    sk_X509_free(roots);
    return verified;
  }
  X509_STORE_CTX_set_error(context, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN);
  return 0;
}

CURLcode set_up_fingerprint(CURL*, void* ssl_context, void* wanted) {
  SSL_CTX_set_cert_verify_callback(static_cast<SSL_CTX*>(ssl_context), verify_by_fingerprint,
                                   wanted);
  return CURLE_OK;
}

using TellConnection = std::function<void(const Endpoint& own, const Endpoint& other)>;

// Gives `socket` the address and port that a connection to `target` will have.
bool bind_for(int socket, const curl_sockaddr& target) {
  // Connecting a datagram socket sends nothing, and says which address the way there has.
  const UniqueFd probe{::socket(target.family, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  sockaddr_storage own{};
  socklen_t bytes = sizeof own;
  auto* const address = reinterpret_cast<sockaddr*>(&own);
  if (!probe || ::connect(probe.get(), &target.addr, target.addrlen) != 0 ||
      ::getsockname(probe.get(), address, &bytes) != 0) {
    return false;
  }
  if (target.family == AF_INET) reinterpret_cast<sockaddr_in*>(address)->sin_port = 0;
  if (target.family == AF_INET6) reinterpret_cast<sockaddr_in6*>(address)->sin6_port = 0;
  return ::bind(socket, address, bytes) == 0;
}

// A connection that cannot be told of is made all the same.
curl_socket_t open_socket(void* tell, curlsocktype, curl_sockaddr* target) {
  const int socket = ::socket(target->family, target->socktype | SOCK_CLOEXEC, target->protocol);
  if (socket < 0) return CURL_SOCKET_BAD;
  if (bind_for(socket, *target)) {
    (*static_cast<const TellConnection*>(tell))(own_endpoint(socket), endpoint_of(target->addr));
  }
  return socket;
}

// An answer that is about to come is waited for so long when the program is to end. libcurl asks
// each second at least.
constexpr std::chrono::milliseconds kLastWords{500};

using Clock = std::chrono::steady_clock;

int is_to_end(void* end_at, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const Clock::duration at{static_cast<std::atomic<Clock::rep>*>(end_at)->load()};
  return Clock::now().time_since_epoch() >= at ? 1 : 0;
}

void start_curl() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

}  // namespace

struct HttpClient::Handle {
  Curl curl;
  Headers headers;
  std::string authorization;
  std::string fingerprint;
  TellConnection tell;
  std::atomic<Clock::rep> end_at = Clock::duration::max().count();
  std::optional<std::stop_callback<std::function<void()>>> at_stop;
  std::array<char, CURL_ERROR_SIZE> error{};

  template <class Value>
  void set(CURLoption option, Value value) {
    const CURLcode code = curl_easy_setopt(curl.get(), option, value);
    if (code != CURLE_OK) {
      throw SystemError(std::string{"set up HTTP: "} + curl_easy_strerror(code));
    }
  }
  void set_file(CURLoption option, const std::string& path) {
    if (!path.empty()) set(option, path.c_str());
  }

  void set_tls(const TlsOptions& tls) {
    set_file(CURLOPT_CAINFO, tls.certificate_authorities);
    set_file(CURLOPT_SSLCERT, tls.certificate);
    set_file(CURLOPT_SSLKEY, tls.key);
    set(CURLOPT_SSL_VERIFYPEER, tls.verify ? 1L : 0L);
    set(CURLOPT_SSL_VERIFYHOST, tls.verify ? 2L : 0L);
    if (tls.ca_trusted_fingerprint.empty()) return;
    fingerprint = plain_fingerprint(tls.ca_trusted_fingerprint);
    set(CURLOPT_SSL_CTX_FUNCTION, set_up_fingerprint);
    set(CURLOPT_SSL_CTX_DATA, &fingerprint);
  }

  void set_stop(const std::stop_token& stop) {
    at_stop.emplace(stop,
                    [this] { end_at = (Clock::now() + kLastWords).time_since_epoch().count(); });
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, is_to_end);
    set(CURLOPT_XFERINFODATA, &end_at);
    // Nor is a name waited for that is being looked up.
    set(CURLOPT_QUICK_EXIT, 1L);
  }

  void set_credentials(const Credentials& credentials) {
    if (!credentials.username.empty()) {
      set(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
      set(CURLOPT_USERNAME, credentials.username.c_str());
      set(CURLOPT_PASSWORD, credentials.password.c_str());
    }
    if (!credentials.api_key.empty()) {
      const bool plain = credentials.api_key.find(':') != std::string::npos;
      authorization =
          "Authorization: ApiKey " + (plain ? base64(credentials.api_key) : credentials.api_key);
    }
    if (!credentials.bearer.empty()) authorization = "Authorization: Bearer " + credentials.bearer;
  }
};

HttpClient::HttpClient(const std::string& url, const HttpOptions& options)
    : handle_(std::make_unique<Handle>()), url_(url) {
  start_curl();
  const Url parsed{curl_url()};
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) {
    // Without what may be a password.
    throw ConfigError("\"" + url.substr(url.rfind('@') + 1) + "\" is no URL (https://host:9200)");
  }
  curl_url_set(parsed.get(), CURLUPART_USER, nullptr, 0);
  curl_url_set(parsed.get(), CURLUPART_PASSWORD, nullptr, 0);
  char* shown = nullptr;
  curl_url_get(parsed.get(), CURLUPART_URL, &shown, 0);
  shown_url_ = shown;
  curl_free(shown);
  for (std::string* each : {&url_, &shown_url_}) {
    while (each->ends_with('/')) each->pop_back();
  }

  Handle& handle = *handle_;
  handle.curl.reset(curl_easy_init());
  check(handle.curl != nullptr, "libcurl has no memory for a handle");
  handle.set(CURLOPT_ERRORBUFFER, handle.error.data());
  handle.set(CURLOPT_NOSIGNAL, 1L);
  handle.set(CURLOPT_FOLLOWLOCATION, 0L);
  handle.set(CURLOPT_PROTOCOLS_STR, "http,https");
  handle.set(CURLOPT_CONNECTTIMEOUT_MS, 10'000L);
  handle.set(CURLOPT_TIMEOUT_MS, options.timeout / std::chrono::milliseconds{1});
  // A proxy ends what is idle, and a request that meets that end has no answer.
  handle.set(CURLOPT_MAXAGE_CONN, 30L);
  handle.set(CURLOPT_ACCEPT_ENCODING, "gzip");
  handle.set(CURLOPT_TCP_NODELAY, 1L);
  handle.set(CURLOPT_WRITEFUNCTION, take_body);
  handle.set(CURLOPT_READFUNCTION, give_body);
  if (!options.proxy_url.empty()) handle.set(CURLOPT_PROXY, options.proxy_url.c_str());
  handle.set_stop(options.stop);
  handle.set_tls(options.tls);
  handle.set_credentials(options.credentials);
  if (options.tell_connection) {
    handle.tell = options.tell_connection;
    handle.set(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    handle.set(CURLOPT_OPENSOCKETDATA, &handle.tell);
  }
  // A server that needs no permission to be sent a body is not asked for it.
  add_header(handle.headers, "Expect:");
  if (!handle.authorization.empty()) add_header(handle.headers, handle.authorization);
  for (const std::string& header : options.headers) add_header(handle.headers, header);
}

HttpClient::~HttpClient() = default;
HttpClient::HttpClient(HttpClient&&) noexcept = default;

HttpAnswer HttpClient::send(const HttpRequest& request) {
  Handle& handle = *handle_;
  Headers headers;
  for (const curl_slist* each = handle.headers.get(); each != nullptr; each = each->next) {
    add_header(headers, each->data);
  }
  if (!request.body.empty()) {
    add_header(headers, std::string{"Content-Type: "} + request.content_type);
  }
  if (request.gzip) add_header(headers, "Content-Encoding: gzip");
  Receiving receiving{{}, request.most_answer_bytes, false};
  std::string_view left = request.body;
  const std::string url = url_ + std::string{request.path};
  handle.set(CURLOPT_URL, url.c_str());
  handle.set(CURLOPT_CUSTOMREQUEST, request.method);
  if (request.body.empty()) {
    handle.set(CURLOPT_HTTPGET, 1L);
  } else {
    handle.set(CURLOPT_POST, 1L);
    handle.set(CURLOPT_READDATA, &left);
    handle.set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  }
  handle.set(CURLOPT_HTTPHEADER, headers.get());
  handle.set(CURLOPT_WRITEDATA, &receiving);
  handle.error[0] = '\0';
  const CURLcode code = curl_easy_perform(handle.curl.get());

  HttpAnswer answer;
  answer.body = std::move(receiving.body);
  long status = 0;
  curl_easy_getinfo(handle.curl.get(), CURLINFO_RESPONSE_CODE, &status);
  answer.status = static_cast<int>(status);
  curl_off_t retry_after = 0;
  curl_easy_getinfo(handle.curl.get(), CURLINFO_RETRY_AFTER, &retry_after);
  if (retry_after > 0) answer.retry_after = std::chrono::seconds{retry_after};
  if (code != CURLE_OK) {
    answer.failure = handle.error[0] != '\0' ? handle.error.data() : curl_easy_strerror(code);
    answer.remedy = remedy_of(code);
    if (receiving.too_long) answer.failure = "the answer does not end";
    answer.ambiguous = !never_sent(code);
    answer.silent = code == CURLE_GOT_NOTHING || code == CURLE_SEND_FAIL_REWIND;
    if (code == CURLE_SEND_FAIL_REWIND) answer.failure = "Empty reply from server";
    if (code == CURLE_ABORTED_BY_CALLBACK) {
      answer.failure = "left without an answer at the end of the program";
      answer.remedy = "what arrived is found out at the next start";
    }
  }
  return answer;
}

}  // namespace natledger
