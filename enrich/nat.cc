// SPDX-License-Identifier: GPL-2.0-or-later
// Who was behind the public address: the translation, and the address that the outside saw.
#include "enrich/enricher.h"
#include "flow/fields.h"
#include "flow/translation.h"

namespace natledger {

extern const Kind<Enricher> kNat;

namespace {

class Nat final : public Enricher {
 public:
  void enrich(Flow& flow) override {
    const Endpoint orig_source = source_of(flow.orig);
    const Endpoint orig_target = target_of(flow.orig);
    const auto [outer_source, real_target, snat, dnat] = translation_of(flow);
    const bool ports = has_ports(flow.orig.protocol) && has_ports(flow.reply.protocol);

    Annotations& out = flow.annotations;
    if (snat) add_end(out, {source_ip_, source_port_}, outer_source, ports);
    if (dnat) add_end(out, {destination_ip_, destination_port_}, real_target, ports);
    out.add(kind_, snat ? (dnat ? std::string_view{"both"} : std::string_view{"snat"})
                        : (dnat ? std::string_view{"dnat"} : std::string_view{"none"}));
    if (ports && (snat || dnat)) {
      Few<uint64_t> translated;
      if (snat) translated.add(outer_source.port.value_or(0));
      if (dnat) translated.add(real_target.port.value_or(0));
      out.add(port_, translated);
    }
    Few<Endpoint> seen;
    if (snat) seen.add(outer_source);
    if (dnat) seen.add(orig_target);
    if (!snat && !dnat) seen.add(orig_source);
    out.add(public_, seen);
    out.add(inside_, dnat && !snat ? real_target : orig_source);
  }

 private:
  struct EndFields {
    const Field& address;
    const Field& port;
  };

  // Both members, even where only one of them was changed.
  static void add_end(Annotations& out, EndFields fields, const Endpoint& end, bool ports) {
    out.add(fields.address, end.address);
    if (ports) out.add(fields.port, int64_t{end.port.value_or(0)});
  }

  const Field& source_ip_ = field("source.nat.ip");
  const Field& source_port_ = field("source.nat.port");
  const Field& destination_ip_ = field("destination.nat.ip");
  const Field& destination_port_ = field("destination.nat.port");
  const Field& kind_ = field("conntrack.nat.kind");
  const Field& port_ = field("conntrack.nat.port");
  const Field& public_ = field("conntrack.public");
  const Field& inside_ = field("conntrack.inside");
};

constexpr std::string_view kAdds[] = {
    "source.nat.ip",      "source.nat.port",    "destination.nat.ip", "destination.nat.port",
    "conntrack.nat.kind", "conntrack.nat.port", "conntrack.public",   "conntrack.inside"};

std::unique_ptr<Enricher> make(const ConfigNode* options) {
  refuse_options(options);
  return std::make_unique<Nat>();
}

}  // namespace

const Kind<Enricher> kNat{"nat", "the translation: who was behind the public address", make, kAdds};

}  // namespace natledger
