// SPDX-License-Identifier: GPL-2.0-or-later
// SHA-256, as hex digits.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace natledger {

// Of bytes that come in pieces.
class Sha256 {
 public:
  Sha256();
  ~Sha256();

  void add(std::string_view bytes);
  // Once, at the end.
  std::string hex();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

std::string sha256_hex(std::string_view bytes);

}  // namespace natledger
