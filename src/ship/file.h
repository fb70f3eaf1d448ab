// SPDX-License-Identifier: GPL-2.0-or-later
// output.file: the records, or ulogd2's own lines, in a file that others rotate.
#pragma once

#include <memory>
#include <string>

#include "ship/destination.h"
#include "ship/ulogd_record.h"

namespace natledger {

struct FileOptions {
  std::string path;
  std::string record = "ulogd";  // or full
  UlogdOptions ulogd = {};
};

// `memory`: what its memory() was when the cursor was stored last. Throws SystemError when the file
// cannot be opened.
std::unique_ptr<Destination> make_file(const FileOptions& options, const std::string& memory);

}  // namespace natledger
