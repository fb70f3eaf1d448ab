// SPDX-License-Identifier: GPL-2.0-or-later
#include "enrich/enrichers.h"

#include <array>

namespace natledger {

extern const Kind<Enricher> kDuration;
extern const Kind<Enricher> kNat;

namespace {

constexpr std::array kEnrichers{
    &kDuration,
    &kNat,
};

}  // namespace

std::span<const Kind<Enricher>* const> enricher_kinds() { return kEnrichers; }

const Kind<Enricher>* find_enricher(std::string_view name) {
  for (const Kind<Enricher>* kind : kEnrichers) {
    if (kind->name == name) return kind;
  }
  return nullptr;
}

void refuse_options(const ConfigNode* options) {
  if (options != nullptr) config_error(*options, "takes no options");
}

}  // namespace natledger
