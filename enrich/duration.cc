// SPDX-License-Identifier: GPL-2.0-or-later
// How long a flow lasted: in whole seconds as the Logstash filters that people wrote for ulogd2
// compute it, and in nanoseconds as ECS wants it.
#include "enrich/enricher.h"
#include "flow/fields.h"

namespace natledger {

extern const Kind<Enricher> kDuration;

namespace {

class FlowDuration final : public Enricher {
 public:
  void enrich(Flow& flow) override {
    if (!flow.start.known() || !flow.end.known()) return;
    flow.annotations.add(seconds_, flow.end.seconds() - flow.start.seconds());
    // The clock was set back in between: no honest figure.
    if (flow.end >= flow.start) flow.annotations.add(nanoseconds_, (flow.end - flow.start).count());
  }

 private:
  const Field& seconds_ = field("flow.duration.sec");
  const Field& nanoseconds_ = field("event.duration");
};

constexpr std::string_view kAdds[] = {"flow.duration.sec", "event.duration"};

std::unique_ptr<Enricher> make(const ConfigNode* options) {
  refuse_options(options);
  return std::make_unique<FlowDuration>();
}

}  // namespace

const Kind<Enricher> kDuration{"duration", "how long the flow lasted", make, kAdds};

}  // namespace natledger
