// SPDX-License-Identifier: GPL-2.0-or-later
// The table of enrichers.
#pragma once

#include <span>

#include "enrich/enricher.h"

namespace natledger {

std::span<const Kind<Enricher>* const> enricher_kinds();

// The row of a name, or null.
const Kind<Enricher>* find_enricher(std::string_view name);

}  // namespace natledger
