// SPDX-License-Identifier: GPL-2.0-or-later
// Flows without an end are the hard part: no server can search for what has no other record. So of
// all flows that began before and fit, the ids are fetched, and of these ids those that have an
// end.
#include "ship/server_records.h"

#include <algorithm>
#include <optional>
#include <span>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "base/protocol.h"
#include "ledger/line.h"
#include "ship/parts.h"
#include "ship/query.h"

namespace natledger {

namespace {

constexpr size_t kMostFlows = 1'000'000;
constexpr size_t kIdsAtOnce = 5000;

// The ends of a flow that may be the public one, and what is across.
constexpr struct {
  std::string_view address, port, remote;
} kSides[] = {
    {"reply.ip.daddr.str", "reply.l4.dport", "reply.ip.saddr.str"},
    {"dest_ip", "orig.l4.dport", "src_ip"},
    {"src_ip", "orig.l4.sport", "dest_ip"},
};

// The types by which the queries here find records.
constexpr std::string_view kTypes[] = {
    "@timestamp date",         "conntrack.public keyword", "dest_ip ip",
    "event.action keyword",    "event.end date",           "event.id keyword",
    "event.kind keyword",      "event.sequence long",      "event.start date",
    "flow.end.not_after date", "flow.id keyword",          "observer.name keyword",
    "orig.ip.protocol short",  "orig.l4.dport integer",    "orig.l4.sport integer",
    "reply.ip.daddr.str ip",   "reply.ip.protocol short",  "reply.ip.saddr.str ip",
    "reply.l4.dport integer",  "reply.l4.sport integer",   "src_ip ip"};

// Keys that each flow has, and those that it has where its protocol has ports.
constexpr std::string_view kAlways[] = {
    "event.action", "flow.id", "orig.ip.protocol",   "reply.ip.protocol",
    "src_ip",       "dest_ip", "reply.ip.saddr.str", "reply.ip.daddr.str"};
constexpr std::string_view kPorts[] = {"orig.l4.sport", "orig.l4.dport", "reply.l4.sport",
                                       "reply.l4.dport"};

// And those of an end that was concluded.
constexpr std::string_view kBounds[] = {"flow.end.not_before", "flow.end.not_after"};

std::string lacks(std::string_view key) { return none_of({has_key(key)}); }

template <class Keys>
std::string lacks_one_of(const Keys& keys) {
  std::vector<std::string> queries;
  for (const std::string_view key : keys) queries.push_back(lacks(key));
  return any_of(queries);
}

std::string is_end() { return equals("event.action", "flow-end"); }

// What cannot have a port has an id, which only conntrack.public has as the outside saw it; where
// that was not written, the line has to be looked at.
std::string has_port(std::string_view key, const Endpoint& seen) {
  return any_of({equals(key, uint64_t{seen.port.value_or(0)}),
                 all_of({lacks(key), any_of({equals("conntrack.public", endpoint_text(seen)),
                                             lacks("conntrack.public")})})});
}

// Flows of which an end that fits may be public: some more than are.
std::string fits(const IndexQuestion& question) {
  std::vector<std::string> sides;
  for (const auto& side : kSides) {
    std::vector<std::string> parts{equals(side.address, address_text(question.seen.address))};
    if (question.seen.port) parts.push_back(has_port(side.port, question.seen));
    if (question.remote) parts.push_back(equals(side.remote, address_text(*question.remote)));
    sides.push_back(all_of(parts));
  }
  std::vector<std::string> parts{equals("event.kind", "event"), any_of(sides)};
  if (question.protocol) {
    parts.push_back(equals("orig.ip.protocol", static_cast<uint64_t>(*question.protocol)));
  }
  // When it began may not be known.
  parts.push_back(
      any_of({compares("event.start", "lte", utc_text(question.to)), lacks("event.start")}));
  return all_of(parts);
}

using Ids = std::span<const std::string>;

}  // namespace

void ServerRecords::check_keys() {
  std::vector<std::string> keys;
  for (const std::string_view type : kTypes) keys.emplace_back(type.substr(0, type.find(' ')));
  std::vector<std::string> types = search_.types(keys);
  std::ranges::sort(types);
  for (const std::string_view wanted : kTypes) {
    if (std::ranges::binary_search(types, wanted)) continue;
    throw SystemError("ask " + name() + ": an index there does not have " + std::string{wanted} +
                      " (natledger-ship setup elasticsearch says how each key is mapped, to "
                      "indices that are made afterwards)");
  }
  for (const std::string& type : types) {
    if (std::ranges::find(kTypes, type) != std::end(kTypes)) continue;
    throw SystemError("ask " + name() + ": an index there has " + type +
                      ", and a search would pass records over (natledger-ship setup elasticsearch "
                      "says how each key is mapped, to indices that are made afterwards)");
  }
  const std::string incomplete =
      any_of({lacks_one_of(kAlways),
              all_of({is_one_of("orig.ip.protocol",
                                std::vector<uint64_t>{kTcp, kUdp, kDccp, kSctp, kUdpLite}),
                      lacks_one_of(kPorts)}),
              all_of({is_end(), lacks("event.end"), lacks_one_of(kBounds)})});
  const uint64_t count =
      search_.count(all_of({equals("event.kind", "event"), has_key("event.sequence"), incomplete}));
  if (count == 0) return;
  throw SystemError("ask " + name() + ": " + std::to_string(count) +
                    " flows there lack keys by which they are found (was one of them in "
                    "output.elasticsearch.drop_fields? The ledger itself has them)");
}

std::vector<std::string> ServerRecords::ledgers_in(const std::string& query) {
  std::vector<std::string> ledgers;
  const std::string known = all_of({query, has_key("event.id")});
  std::string after;
  for (;;) {
    const std::optional<ServedRecord> record = search_.first_id(known, after);
    if (!record) break;
    ledgers.emplace_back(record->ledger());
    after = ledgers.back() + ".";  // sorts behind "-", with which its ids go on
  }
  return ledgers;
}

std::vector<std::string> ServerRecords::ledgers(const std::string& observer) {
  const std::string state = equals("event.kind", "state");
  if (observer.empty()) return ledgers_in(state);
  return ledgers_in(all_of({state, equals("observer.name", observer)}));
}

std::vector<std::string> ServerRecords::ledgers_behind(const IpAddress& address) {
  const std::string bare = address_text(address);
  const bool v6 = address.family == IpAddress::Family::kV6;
  const std::string with_port = v6 ? "[" + bare + "]:" : bare + ":";
  std::vector<std::string> sides;
  for (const auto& side : kSides) sides.push_back(equals(side.address, bare));
  return ledgers_in(
      all_of({equals("event.kind", "event"),
              any_of({begins_with("conntrack.public", with_port), equals("conntrack.public", bare),
                      all_of({lacks("conntrack.public"), any_of(sides)})})}));
}

bool ServerRecords::has_only(const std::string& ledger) {
  if (!first_ledger_) {
    const auto first = search_.first_id(has_key("event.id"), "");
    const auto last = search_.last_id(has_key("event.id"));
    first_ledger_ = first ? first->ledger() : "";
    last_ledger_ = last ? last->ledger() : "";
  }
  return first_ledger_ == ledger && last_ledger_ == ledger;
}

// To look at the id of each record takes the server long; where all are of one ledger it need not.
std::string ServerRecords::ledger_query(const std::string& ledger) {
  return has_only(ledger) ? has_key("event.id") : begins_with("event.id", ledger + "-");
}

ServedCoverage ServerRecords::coverage(const std::string& ledger) {
  return read_coverage(search_, ledger_query(ledger));
}

bool ServerRecords::still_has(const std::string& ledger, const std::vector<NumberCount>& indices) {
  const std::vector<NumberCount> present = search_.count_numbers(ledger_query(ledger));
  return std::ranges::all_of(indices, [&](const NumberCount& before) {
    return std::ranges::any_of(present, [&](const NumberCount& after) {
      return after.index == before.index && after.count >= before.count;
    });
  });
}

std::vector<ServedRecord> ServerRecords::flows(const IndexQuestion& question) {
  const std::string fitting = fits(question);
  std::unordered_set<std::string> open;
  search_.visit_values(
      all_of({fitting, none_of({is_end()})}), "flow.id", [&](const std::string& id) {
        open.insert(id);
        if (open.size() <= kMostFlows) return;
        throw SystemError("ask " + name() + ": more than " + std::to_string(kMostFlows) +
                          " flows of that address began before, and any may be open still (ask "
                          "for a port, or the gateway's ledger)");
      });
  const std::vector<std::string> began{open.begin(), open.end()};
  by_parts(Ids{began}, kIdsAtOnce, [&](Ids ids) {
    search_.visit_values(all_of({is_one_of("flow.id", ids), is_end()}), "flow.id",
                         [&](const std::string& id) { open.erase(id); });
  });
  std::vector<ServedRecord> found;
  const auto keep = [&](const ServedRecord& record) {
    found.push_back(record);
    return true;
  };
  // Ends are asked for behind that, so that one that came meanwhile is among these, or among those.
  const std::string from = utc_text(question.from);
  search_.visit(all_of({fitting, is_end(),
                        any_of({compares("event.end", "gte", from),
                                compares("flow.end.not_after", "gte", from)})}),
                keep);
  const std::vector<std::string> endless{open.begin(), open.end()};
  by_parts(Ids{endless}, kIdsAtOnce,
           [&](Ids ids) { search_.visit(is_one_of("flow.id", ids), keep); });
  std::ranges::stable_sort(found, {}, &ServedRecord::sequence);
  return found;
}

std::vector<ServedRecord> ServerRecords::records(const std::vector<std::string>& ids) {
  std::vector<ServedRecord> found;
  by_parts(Ids{ids}, kIdsAtOnce, [&](Ids some) {
    search_.visit(is_one_of("event.id", some), [&](const ServedRecord& record) {
      found.push_back(record);
      return true;
    });
  });
  return found;
}

}  // namespace natledger
