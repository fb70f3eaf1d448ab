// SPDX-License-Identifier: GPL-2.0-or-later
#include "ledger/checksum.h"

#include <array>

#include <openssl/evp.h>

#include "base/error.h"
#include "base/handle.h"

namespace natledger {

struct Sha256::Context {
  Handle<EVP_MD_CTX, EVP_MD_CTX_free> md{EVP_MD_CTX_new()};
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  const bool begun =
      context_->md != nullptr && EVP_DigestInit_ex(context_->md.get(), EVP_sha256(), nullptr) == 1;
  check(begun, "libcrypto has no SHA-256");
}

Sha256::~Sha256() = default;

void Sha256::add(std::string_view bytes) {
  const int done = EVP_DigestUpdate(context_->md.get(), bytes.data(), bytes.size());
  check(done == 1, "libcrypto cannot go on");
}

std::string Sha256::hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  const int done = EVP_DigestFinal_ex(context_->md.get(), digest.data(), &size);
  check(done == 1, "libcrypto cannot end");
  constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    text += kHex[digest[i] >> 4];
    text += kHex[digest[i] & 0xf];
  }
  return text;
}

std::string sha256_hex(std::string_view bytes) {
  Sha256 sum;
  sum.add(bytes);
  return sum.hex();
}

}  // namespace natledger
