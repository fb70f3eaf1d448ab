// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <string>

#include "flow/flow.h"

namespace natledger {

// The names of connection labels from /etc/xtables/connlabel.conf, where conntrack(8) looks too;
// empty ones where there is no such file.
std::array<std::string, kLabelBits> read_label_names();

}  // namespace natledger
