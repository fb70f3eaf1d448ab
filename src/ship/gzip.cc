// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/gzip.h"

#include <libdeflate.h>

#include "base/error.h"
#include "base/handle.h"

namespace natledger {

struct Gzip::Compressor {
  Handle<libdeflate_compressor, libdeflate_free_compressor> handle;
};

Gzip::Gzip(int level) : compressor_(std::make_unique<Compressor>()) {
  compressor_->handle.reset(libdeflate_alloc_compressor(level));
  check(compressor_->handle != nullptr, "libdeflate has no memory, or no such level");
}

Gzip::~Gzip() = default;
Gzip::Gzip(Gzip&&) noexcept = default;

std::string_view Gzip::pack(std::string_view bytes) {
  libdeflate_compressor* const handle = compressor_->handle.get();
  const size_t most = libdeflate_gzip_compress_bound(handle, bytes.size());
  if (packed_.size() < most) packed_.resize(most);
  const size_t packed =
      libdeflate_gzip_compress(handle, bytes.data(), bytes.size(), packed_.data(), packed_.size());
  check(packed != 0, "libdeflate needs more room than it said");
  return {packed_.data(), packed};
}

}  // namespace natledger
