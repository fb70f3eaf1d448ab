// SPDX-License-Identifier: GPL-2.0-or-later
// What a server has to know before it gets records: how each key is mapped, and how long to keep
// them.
#pragma once

#include <string>
#include <vector>

#include "base/time.h"
#include "ship/hosts.h"
#include "ship/http.h"

namespace natledger {

struct SetupOptions {
  std::string data_stream = "logs-conntrack.nat-default";
  Duration keep{};         // zero: the server removes nothing by itself
  std::string properties;  // of the mapping, as JSON: one a key of a record
};

// Of a data stream and its namespaces: "logs-conntrack.nat-default" gives "logs-conntrack.nat-*". A
// name without a dash is one alone.
std::string index_pattern(const std::string& data_stream);

enum class Server : uint8_t { kElasticsearch7, kElasticsearch, kOpenSearch };

// A thing that the server is to have: PUT `body` to `path`.
struct SetupStep {
  std::string name;  // for people
  std::string path;
  std::string body;
};

// In the order in which they are to be made. The policy is apart, since not every server
// knows what that is; where it does, it comes first: an index that names one that is not there
// stays as it is for ever. Each body says in its own _meta, or description, what it was made from,
// so that a second time finds nothing to do.
SetupStep policy_step(const SetupOptions& options, Server server);
std::vector<SetupStep> setup_steps(const SetupOptions& options, Server server, bool has_policy);

// Three roles, as JSON to be read and given to such a server by its administrator: one that may set
// up, one that may ship, one that may ask. Without `dedup` the second may neither read nor delete.
std::string role_text(const std::string& data_stream, bool dedup, Server server);

// What an answer to GET / says of the server. Anything that is not known is taken for a new
// Elasticsearch: a role that ships need not be allowed to ask.
Server server_of(const HttpAnswer& answer);

// Makes what is missing or of another kind; what was done to each, in words. Throws SystemError
// when the server refuses.
struct SetupDone {
  std::vector<std::string> lines;
  int changed = 0;
};
SetupDone set_up(Hosts& hosts, const SetupOptions& options);

}  // namespace natledger
