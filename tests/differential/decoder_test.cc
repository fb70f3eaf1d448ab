// SPDX-License-Identifier: GPL-2.0-or-later
// Our decoder against libnetfilter_conntrack's, field by field.
#include "decode/decoder.h"

#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <functional>
#include <optional>

#include <gtest/gtest.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>

#include "base/attributes.h"
#include "base/handle.h"
#include "differential/mutation.h"
#include "flow/protocol.h"
#include "unit/test_support.h"

namespace natledger {
namespace {

using Reference = Handle<nf_conntrack, nfct_destroy>;
using Value = std::vector<uint8_t>;

template <class T>
Value value_of(T number) {
  Value value(sizeof number);
  std::memcpy(value.data(), &number, sizeof number);
  return value;
}

Value address(const IpAddress& a, IpAddress::Family family) {
  if (a.family != family) return Value(family == IpAddress::Family::kV4 ? 4 : 16, 0);
  return {a.bytes.begin(), a.bytes.begin() + (family == IpAddress::Family::kV4 ? 4 : 16)};
}
Value v4(const IpAddress& a) { return address(a, IpAddress::Family::kV4); }
Value v6(const IpAddress& a) { return address(a, IpAddress::Family::kV6); }
Value port(uint16_t p) { return value_of(htons(p)); }

// A field of the reference, its size there, and the same of ours in the reference's form.
struct Compared {
  const char* name;
  nf_conntrack_attr attribute;
  size_t bytes;
  std::function<Value(const Flow&)> ours;
};

const std::vector<Compared>& fields_compared() {
  static const std::vector<Compared> list{
      {"orig source v4", ATTR_ORIG_IPV4_SRC, 4, [](const Flow& f) { return v4(f.orig.source); }},
      {"orig target v4", ATTR_ORIG_IPV4_DST, 4, [](const Flow& f) { return v4(f.orig.target); }},
      {"reply source v4", ATTR_REPL_IPV4_SRC, 4, [](const Flow& f) { return v4(f.reply.source); }},
      {"reply target v4", ATTR_REPL_IPV4_DST, 4, [](const Flow& f) { return v4(f.reply.target); }},
      {"master source v4", ATTR_MASTER_IPV4_SRC, 4,
       [](const Flow& f) { return v4(f.master.source); }},
      {"master target v4", ATTR_MASTER_IPV4_DST, 4,
       [](const Flow& f) { return v4(f.master.target); }},
      {"orig source v6", ATTR_ORIG_IPV6_SRC, 16, [](const Flow& f) { return v6(f.orig.source); }},
      {"orig target v6", ATTR_ORIG_IPV6_DST, 16, [](const Flow& f) { return v6(f.orig.target); }},
      {"reply source v6", ATTR_REPL_IPV6_SRC, 16, [](const Flow& f) { return v6(f.reply.source); }},
      {"reply target v6", ATTR_REPL_IPV6_DST, 16, [](const Flow& f) { return v6(f.reply.target); }},
      {"family", ATTR_ORIG_L3PROTO, 1, [](const Flow& f) { return value_of(f.family); }},
      {"orig protocol", ATTR_ORIG_L4PROTO, 1,
       [](const Flow& f) { return value_of(f.orig.protocol); }},
      {"reply protocol", ATTR_REPL_L4PROTO, 1,
       [](const Flow& f) { return value_of(f.reply.protocol); }},
      {"master protocol", ATTR_MASTER_L4PROTO, 1,
       [](const Flow& f) { return value_of(f.master.protocol); }},
      {"orig source port", ATTR_ORIG_PORT_SRC, 2,
       [](const Flow& f) { return port(f.orig.source_port); }},
      {"orig target port", ATTR_ORIG_PORT_DST, 2,
       [](const Flow& f) { return port(f.orig.target_port); }},
      {"reply source port", ATTR_REPL_PORT_SRC, 2,
       [](const Flow& f) { return port(f.reply.source_port); }},
      {"reply target port", ATTR_REPL_PORT_DST, 2,
       [](const Flow& f) { return port(f.reply.target_port); }},
      {"master source port", ATTR_MASTER_PORT_SRC, 2,
       [](const Flow& f) { return port(f.master.source_port); }},
      {"master target port", ATTR_MASTER_PORT_DST, 2,
       [](const Flow& f) { return port(f.master.target_port); }},
      {"icmp type", ATTR_ICMP_TYPE, 1, [](const Flow& f) { return value_of(f.orig.icmp_type); }},
      {"icmp code", ATTR_ICMP_CODE, 1, [](const Flow& f) { return value_of(f.orig.icmp_code); }},
      {"icmp id", ATTR_ICMP_ID, 2, [](const Flow& f) { return port(f.orig.icmp_id); }},
      {"tcp state", ATTR_TCP_STATE, 1, [](const Flow& f) { return value_of(f.tcp_state); }},
      {"sctp state", ATTR_SCTP_STATE, 1, [](const Flow& f) { return value_of(f.sctp_state); }},
      {"timeout", ATTR_TIMEOUT, 4, [](const Flow& f) { return value_of(f.timeout_s); }},
      {"mark", ATTR_MARK, 4, [](const Flow& f) { return value_of(f.mark); }},
      {"id", ATTR_ID, 4, [](const Flow& f) { return value_of(f.id); }},
      {"status", ATTR_STATUS, 4, [](const Flow& f) { return value_of(f.status); }},
      {"orig packets", ATTR_ORIG_COUNTER_PACKETS, 8,
       [](const Flow& f) { return value_of(f.orig.packets); }},
      {"orig bytes", ATTR_ORIG_COUNTER_BYTES, 8,
       [](const Flow& f) { return value_of(f.orig.bytes); }},
      {"reply packets", ATTR_REPL_COUNTER_PACKETS, 8,
       [](const Flow& f) { return value_of(f.reply.packets); }},
      {"reply bytes", ATTR_REPL_COUNTER_BYTES, 8,
       [](const Flow& f) { return value_of(f.reply.bytes); }},
      {"start", ATTR_TIMESTAMP_START, 8, [](const Flow& f) { return value_of(f.kernel_start.ns); }},
      {"stop", ATTR_TIMESTAMP_STOP, 8, [](const Flow& f) { return value_of(f.kernel_stop.ns); }},
  };
  return list;
}

// Helper names, labels and zones are not of one size or one place.
std::string helper_of(const nf_conntrack* reference) {
  if (nfct_attr_is_set(reference, ATTR_HELPER_NAME) <= 0) return {};
  return static_cast<const char*>(nfct_get_attr(reference, ATTR_HELPER_NAME));
}

Labels labels_of(const nf_conntrack* reference) {
  Labels labels;
  if (nfct_attr_is_set(reference, ATTR_CONNLABELS) <= 0) return labels;
  const auto* mask = static_cast<const nfct_bitmask*>(nfct_get_attr(reference, ATTR_CONNLABELS));
  for (unsigned bit = 0; bit < kLabelBits && bit <= nfct_bitmask_maxbit(mask); ++bit) {
    if (nfct_bitmask_test_bit(mask, bit) != 0) labels.words[bit / 64] |= uint64_t{1} << bit % 64;
  }
  return labels;
}

uint16_t zone_of(const nf_conntrack* reference) {
  for (const nf_conntrack_attr attribute : {ATTR_ORIG_ZONE, ATTR_REPL_ZONE, ATTR_ZONE}) {
    if (nfct_attr_is_set(reference, attribute) > 0) return nfct_get_attr_u16(reference, attribute);
  }
  return 0;
}

// The reference ends the process when an attribute has not the kernel's size. Those that we read we
// have checked ourselves by then; these are the ones that we pass over.
struct PassedOver {
  uint16_t type;
  size_t bytes;
};

bool has_only(Bytes nest, std::initializer_list<uint16_t> read_by_us,
              std::initializer_list<PassedOver> passed_over) {
  Attributes attributes{nest};
  for (Attribute a; attributes.next(a);) {
    const bool ours = std::find(read_by_us.begin(), read_by_us.end(), a.type) != read_by_us.end();
    const bool safe = std::any_of(passed_over.begin(), passed_over.end(), [&](PassedOver known) {
      return known.type == a.type && known.bytes == a.value.size();
    });
    if (!ours && !safe) return false;
  }
  return true;
}

bool is_safe_protoinfo(Bytes nest) {
  Attributes attributes{nest};
  for (Attribute a; attributes.next(a);) {
    const bool safe =
        a.type == CTA_PROTOINFO_TCP
            ? has_only(a.value, {CTA_PROTOINFO_TCP_STATE},
                       {{CTA_PROTOINFO_TCP_WSCALE_ORIGINAL, 1},
                        {CTA_PROTOINFO_TCP_WSCALE_REPLY, 1},
                        {CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, 2},
                        {CTA_PROTOINFO_TCP_FLAGS_REPLY, 2}})
            : a.type == CTA_PROTOINFO_SCTP && has_only(a.value, {CTA_PROTOINFO_SCTP_STATE},
                                                       {{CTA_PROTOINFO_SCTP_VTAG_ORIGINAL, 4},
                                                        {CTA_PROTOINFO_SCTP_VTAG_REPLY, 4}});
    if (!safe) return false;
  }
  return true;
}

// The reference wants its NUL within the attribute.
bool is_safe_helper(Bytes nest) {
  Attributes attributes{nest};
  for (Attribute a; attributes.next(a);) {
    if (a.type != CTA_HELP_NAME || a.value.empty() || a.value.back() != std::byte{0}) return false;
  }
  return true;
}

bool is_safe_for_reference(const Message& message) {
  const Bytes attributes_bytes = Bytes{message}.subspan(20);
  if (!has_only(attributes_bytes,
                {CTA_TUPLE_ORIG, CTA_TUPLE_REPLY, CTA_TUPLE_MASTER, CTA_STATUS, CTA_PROTOINFO,
                 CTA_HELP, CTA_TIMEOUT, CTA_MARK, CTA_COUNTERS_ORIG, CTA_COUNTERS_REPLY, CTA_ID,
                 CTA_ZONE, CTA_TIMESTAMP, CTA_LABELS, 27},
                {{CTA_USE, 4}})) {
    return false;
  }
  Attributes attributes{attributes_bytes};
  for (Attribute a; attributes.next(a);) {
    if (a.type == CTA_PROTOINFO && !is_safe_protoinfo(a.value)) return false;
    if (a.type == CTA_HELP && !is_safe_helper(a.value)) return false;
    const bool counters = a.type == CTA_COUNTERS_ORIG || a.type == CTA_COUNTERS_REPLY;
    if (counters && !has_only(a.value, {CTA_COUNTERS_PACKETS, CTA_COUNTERS_BYTES}, {}))
      return false;
    const bool times = a.type == CTA_TIMESTAMP;
    if (times && !has_only(a.value, {CTA_TIMESTAMP_START, CTA_TIMESTAMP_STOP}, {})) return false;
  }
  return true;
}

// Ports and ICMP ids share their bytes in the reference, which then holds whichever came last.
bool is_ambiguous(const nf_conntrack* reference) {
  const bool ports = nfct_attr_is_set(reference, ATTR_ORIG_PORT_SRC) > 0 ||
                     nfct_attr_is_set(reference, ATTR_ORIG_PORT_DST) > 0;
  const bool icmp = nfct_attr_is_set(reference, ATTR_ICMP_ID) > 0 ||
                    nfct_attr_is_set(reference, ATTR_ICMP_TYPE) > 0 ||
                    nfct_attr_is_set(reference, ATTR_ICMP_CODE) > 0;
  return ports && icmp;
}

// The first field that differs, or nothing.
std::string difference(const Flow& flow, const nf_conntrack* reference) {
  for (const Compared& field : fields_compared()) {
    Value theirs(field.bytes, 0);
    if (nfct_attr_is_set(reference, field.attribute) > 0) {
      std::memcpy(theirs.data(), nfct_get_attr(reference, field.attribute), field.bytes);
    }
    if (field.ours(flow) != theirs) return field.name;
  }
  if (flow.helper.view() != helper_of(reference)) return "helper";
  if (flow.labels != labels_of(reference)) return "labels";
  if (flow.zone != zone_of(reference)) return "zone";
  return {};
}

std::optional<Reference> parse_reference(const Message& message) {
  Reference reference{nfct_new()};
  nlmsghdr header{};
  if (message.size() < sizeof header) return {};
  std::memcpy(&header, message.data(), sizeof header);
  if (header.nlmsg_len != message.size() || message.size() < 20) return {};
  const auto* at = reinterpret_cast<const nlmsghdr*>(message.data());
  if (nfct_nlmsg_parse(at, reference.get()) < 0) return {};
  return reference;
}

std::string hex(const Message& message) {
  std::string text;
  for (const std::byte b : message) {
    constexpr char kHex[] = "0123456789abcdef";
    text += kHex[static_cast<int>(b) >> 4];
    text += kHex[static_cast<int>(b) & 0xf];
  }
  return text;
}

TEST(DecoderDifferential, EveryRecordedMessage) {
  size_t compared = 0;
  for (const GoldenRow& row : golden_rows()) {
    Flow flow;
    ASSERT_EQ(decode(row.message, flow), Decoded::kFlow) << row.name;
    const auto reference = parse_reference(row.message);
    ASSERT_TRUE(reference) << row.name;
    EXPECT_EQ(difference(flow, reference->get()), "") << row.name << " " << hex(row.message);
    ++compared;
  }
  EXPECT_GT(compared, 300U);
}

TEST(DecoderDifferential, AMillionMutations) {
  constexpr size_t kMutations = 1'000'000;
  Mutator mutator{20261126};
  size_t both = 0, refused_by_us = 0, only_ours = 0, ambiguous = 0;
  for (size_t i = 0; i < kMutations; ++i) {
    const GoldenRow& row = golden_rows()[i % golden_rows().size()];
    const Message message = mutator.mutate(row.message);
    Flow flow;
    if (decode(message, flow) != Decoded::kFlow || !is_safe_for_reference(message)) {
      ++refused_by_us;
      continue;
    }
    const auto reference = parse_reference(message);
    if (!reference) {
      ++only_ours;
      continue;
    }
    if (is_ambiguous(reference->get())) {
      ++ambiguous;
      continue;
    }
    ++both;
    const std::string differs = difference(flow, reference->get());
    ASSERT_EQ(differs, "") << row.name << " mutation " << i << ": " << hex(message);
  }
  std::printf(
      "%zu mutations: %zu compared, %zu refused by us or unfit, %zu by the reference alone, "
      "%zu ambiguous\n",
      kMutations, both, refused_by_us, only_ours, ambiguous);
  EXPECT_GE(both, kMutations * 30 / 100);
  EXPECT_EQ(only_ours, 0U);
  EXPECT_LE(ambiguous, kMutations / 100);
}

}  // namespace
}  // namespace natledger
