// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/label_names.h"

#include "base/file.h"
#include "encode/encoder.h"

namespace natledger {

std::array<std::string, kLabelBits> read_label_names() {
  return parse_label_names(read_file("/etc/xtables/connlabel.conf").value_or(""));
}

}  // namespace natledger
