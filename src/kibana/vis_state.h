// SPDX-License-Identifier: GPL-2.0-or-later
// A panel as a visualization's `visState`, in the shape that Kibana 7.10 writes and later ones
// migrate.
#pragma once

#include <string>

#include "kibana/panels.h"

namespace natledger {

// JSON. Of any panel but one of rows.
std::string vis_state(const Panel& panel);

}  // namespace natledger
