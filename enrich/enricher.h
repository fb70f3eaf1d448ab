// SPDX-License-Identifier: GPL-2.0-or-later
// An enricher adds annotations to a flow. It never blocks and never changes what is there.
//
// Two implementations and more to come: duration.cc, nat.cc.
#pragma once

#include "base/kind.h"
#include "flow/flow.h"

namespace natledger {

class Enricher {
 public:
  virtual ~Enricher() = default;

  // `flow` has been tracked. Runs once a record, on the pipeline's thread.
  virtual void enrich(Flow& flow) = 0;
};

// Throws ConfigError for an enricher that takes no options and was given some.
void refuse_options(const ConfigNode* options);

}  // namespace natledger
