// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/setup.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include <rapidjson/document.h>

#include "base/error.h"
#include "base/json_text.h"
#include "ledger/checksum.h"

namespace natledger {

namespace {

constexpr std::string_view kMappings = "conntrack-nat@mappings";
constexpr std::string_view kSettings = "conntrack-nat@settings";
constexpr std::string_view kCustom = "conntrack-nat@custom";
constexpr std::string_view kTemplate = "logs-conntrack.nat";
constexpr std::string_view kPolicy = "conntrack-nat";
// Above Elasticsearch's own logs-*-*, which has 100.
constexpr int kPriority = 200;

std::string quoted(std::string_view text) { return json_string(text); }

// A number of days, as both kinds of policies have it.
std::string days_text(Duration keep) {
  return std::to_string(std::max<int64_t>(1, keep / std::chrono::hours{24})) + "d";
}

// `body`, a JSON object, marked with what it was made from.
std::string with_mark(const std::string& body, const char* key) {
  const std::string mark = sha256_hex(body).substr(0, 16);
  const std::string value = std::string_view{key} == "_meta"
                                ? R"({"managed_by":"natledger","made_from":")" + mark + "\"}"
                                : quoted("kept by natledger, made from " + mark);
  return body.substr(0, body.size() - 1) + ",\"" + key + "\":" + value + "}";
}

std::string mappings_body(const SetupOptions& options) {
  // A key that no version of ours knows is kept and not indexed: no record is refused for it, and
  // nobody fills the cluster's state with keys.
  return R"({"template":{"mappings":{"dynamic":false,"date_detection":false,"properties":)" +
         options.properties + "}}}";
}

std::string settings_body(Server server, bool has_policy) {
  std::string index = R"("codec":"best_compression","refresh_interval":"5s")";
  if (server != Server::kOpenSearch && has_policy) {
    index += R"(,"lifecycle":{"name":)" + quoted(kPolicy) + "}";
  }
  return R"({"template":{"settings":{"index":{)" + index + "}}}}";
}

std::string index_template_body(const SetupOptions& options, Server server) {
  std::string parts = quoted(kMappings) + "," + quoted(kSettings);
  std::string more;
  // Elasticsearch 8.7 and later pass over a component that nobody made.
  if (server == Server::kElasticsearch) {
    parts += "," + quoted(kCustom);
    more = R"(,"ignore_missing_component_templates":[)" + quoted(kCustom) + "]";
  }
  return R"({"index_patterns":[)" + quoted(index_pattern(options.data_stream)) +
         R"(],"priority":)" + std::to_string(kPriority) + R"(,"data_stream":{},"composed_of":[)" +
         parts + "]" + more + "}";
}

// The mark within what a server says it has; nothing when there is none.
std::string mark_in(const std::string& text) {
  for (const std::string_view before : {R"("made_from":")", "made from "}) {
    const size_t at = text.find(before);
    if (at != std::string::npos) return text.substr(at + before.size(), 16);
  }
  return {};
}

std::string said(const HttpAnswer& answer) {
  if (!answer.failure.empty()) return answer.failure;
  return "status " + std::to_string(answer.status) + " " + answer.body.substr(0, 300);
}

bool is_ok(const HttpAnswer& answer) {
  return answer.failure.empty() && answer.status >= 200 && answer.status < 300;
}

}  // namespace

std::string index_pattern(const std::string& data_stream) {
  const size_t dash = data_stream.rfind('-');
  return dash == data_stream.npos ? data_stream : data_stream.substr(0, dash) + "-*";
}

SetupStep policy_step(const SetupOptions& options, Server server) {
  const std::string age = quoted(days_text(options.keep));
  SetupStep step;
  step.name = "lifecycle policy " + std::string{kPolicy};
  if (server == Server::kOpenSearch) {
    step.path = "/_plugins/_ism/policies/" + std::string{kPolicy};
    const std::string states =
        R"([{"name":"hot","actions":[{"rollover":{"min_size":"30gb","min_index_age":"1d"}}],)"
        R"("transitions":[{"state_name":"delete","conditions":{"min_rollover_age":)" +
        age + R"(}}]},{"name":"delete","actions":[{"delete":{}}],"transitions":[]}])";
    const std::string policy =
        R"({"default_state":"hot","states":)" + states + R"(,"ism_template":[{"index_patterns":[)" +
        quoted(options.data_stream + "*") + R"(],"priority":)" + std::to_string(kPriority) + "}]}";
    step.body = R"({"policy":)" + with_mark(policy, "description") + "}";
    return step;
  }
  step.path = "/_ilm/policy/" + std::string{kPolicy};
  const std::string policy =
      R"({"phases":{"hot":{"actions":{"rollover":{"max_size":"30gb","max_age":"1d"}}},)"
      R"("delete":{"min_age":)" +
      age + R"(,"actions":{"delete":{}}}}})";
  step.body = R"({"policy":)" + with_mark(policy, "_meta") + "}";
  return step;
}

std::vector<SetupStep> setup_steps(const SetupOptions& options, Server server, bool has_policy) {
  std::vector<SetupStep> steps;
  steps.push_back({"component template " + std::string{kMappings},
                   "/_component_template/" + std::string{kMappings},
                   with_mark(mappings_body(options), "_meta")});
  steps.push_back({"component template " + std::string{kSettings},
                   "/_component_template/" + std::string{kSettings},
                   with_mark(settings_body(server, has_policy), "_meta")});
  steps.push_back({"index template " + std::string{kTemplate},
                   "/_index_template/" + std::string{kTemplate},
                   with_mark(index_template_body(options, server), "_meta")});
  return steps;
}

namespace {

// What may be done to which indices. Both kinds of servers know rights under names of their own.
struct Grant {
  std::string indices;
  std::string_view elasticsearch;
  std::string_view opensearch;
};

struct Role {
  std::string_view name;
  std::string_view elasticsearch;  // of the cluster
  std::string_view opensearch;
  std::vector<Grant> grants;
};

std::vector<Role> roles(const std::string& data_stream, bool dedup) {
  // The look-up and removal of a copy that a rollover made name backing indices.
  const std::string backing = ".ds-" + data_stream + "-*";
  Role setup{"natledger_setup",
             R"("monitor","manage_index_templates","manage_ilm")",
             R"("cluster:monitor/main","cluster_manage_index_templates",)"
             R"("cluster:admin/opendistro/ism/policy/get",)"
             R"("cluster:admin/opendistro/ism/policy/write")",
             {}};
  Role ship{"natledger_ship", R"("monitor")", R"("indices:data/write/bulk")", {}};
  if (dedup) {
    ship.opensearch = R"("indices:data/write/bulk","indices:data/read/mget")";
    ship.grants = {{data_stream, R"("create_doc","auto_configure","view_index_metadata")",
                    R"("indices:data/write/index","indices:data/write/bulk*",)"
                    R"("indices:admin/create","indices:admin/resolve/index")"},
                   {backing, R"("read","delete")", R"("read","delete")"}};
  } else {
    ship.grants = {{data_stream, R"("create_doc","auto_configure")",
                    R"("indices:data/write/index","indices:data/write/bulk*",)"
                    R"("indices:admin/create")"}};
  }
  Role who{"natledger_who", "", "", {{data_stream, R"("read")", R"("read")"}}};
  return {std::move(setup), std::move(ship), std::move(who)};
}

std::string grants_text(const std::vector<Grant>& grants, bool is_opensearch) {
  std::string text;
  for (const Grant& grant : grants) {
    text += text.empty() ? "{" : ",{";
    text += is_opensearch ? R"("index_patterns":[)" : R"("names":[)";
    text += quoted(grant.indices);
    text += is_opensearch ? R"(],"allowed_actions":[)" : R"(],"privileges":[)";
    text += is_opensearch ? grant.opensearch : grant.elasticsearch;
    text += "]}";
  }
  return text;
}

}  // namespace

std::string role_text(const std::string& data_stream, bool dedup, Server server) {
  const bool is_opensearch = server == Server::kOpenSearch;
  std::string text;
  for (const Role& role : roles(data_stream, dedup)) {
    text += (text.empty() ? "{" : ",\n ") + quoted(role.name);
    text += is_opensearch ? R"(:{"cluster_permissions":[)" : R"(:{"cluster":[)";
    text += is_opensearch ? role.opensearch : role.elasticsearch;
    text += ']';
    if (!role.grants.empty()) {
      text += is_opensearch ? R"(,"index_permissions":[)" : R"(,"indices":[)";
      text += grants_text(role.grants, is_opensearch) + ']';
    }
    text += '}';
  }
  return text + "}\n";
}

Server server_of(const HttpAnswer& answer) {
  rapidjson::Document body;
  body.Parse<rapidjson::kParseIterativeFlag>(answer.body.data(), answer.body.size());
  if (!is_ok(answer) || body.HasParseError() || !body.IsObject()) return Server::kElasticsearch;
  const auto version = body.FindMember("version");
  if (version == body.MemberEnd() || !version->value.IsObject()) return Server::kElasticsearch;
  const auto text = [&](const char* key) -> std::string_view {
    const auto found = version->value.FindMember(key);
    if (found == version->value.MemberEnd() || !found->value.IsString()) return {};
    return {found->value.GetString(), found->value.GetStringLength()};
  };
  if (text("distribution") == "opensearch") return Server::kOpenSearch;
  return text("number").starts_with("7.") ? Server::kElasticsearch7 : Server::kElasticsearch;
}

namespace {

// OpenSearch replaces a policy only for whoever says which version.
std::string path_to_replace(const SetupStep& step, const HttpAnswer& there) {
  rapidjson::Document body;
  body.Parse<rapidjson::kParseIterativeFlag>(there.body.data(), there.body.size());
  if (!is_ok(there) || body.HasParseError() || !body.IsObject()) return step.path;
  const auto number = body.FindMember("_seq_no");
  const auto term = body.FindMember("_primary_term");
  const bool versioned = number != body.MemberEnd() && number->value.IsUint64() &&
                         term != body.MemberEnd() && term->value.IsUint64();
  if (!versioned) return step.path;
  return step.path + "?if_seq_no=" + std::to_string(number->value.GetUint64()) +
         "&if_primary_term=" + std::to_string(term->value.GetUint64());
}

// Nothing when it is done; else what the server answered.
std::optional<HttpAnswer> make(Hosts& hosts, const SetupStep& step, SetupDone& done) {
  const HttpAnswer there = hosts.ask({.path = step.path});
  if (is_ok(there) && mark_in(there.body) == mark_in(step.body)) {
    done.lines.push_back(step.name + ": as it should be");
    return {};
  }
  const std::string path = path_to_replace(step, there);
  HttpAnswer made = hosts.ask({.method = "PUT", .path = path, .body = step.body});
  if (!is_ok(made)) return made;
  ++done.changed;
  done.lines.push_back(step.name + (is_ok(there) ? ": changed" : ": made"));
  return {};
}

[[noreturn]] void refuse(const Hosts& hosts, const SetupStep& step, const HttpAnswer& answer) {
  throw SystemError("make the " + step.name + " on " + hosts.shown_url() + ": " + said(answer) +
                    " (for the rights it needs see --print-role)");
}

}  // namespace

SetupDone set_up(Hosts& hosts, const SetupOptions& options) {
  const Server server = server_of(hosts.ask({.path = "/"}));
  SetupDone done;
  bool has_policy = false;
  if (options.keep != Duration::zero()) {
    const SetupStep step = policy_step(options, server);
    const auto refused = make(hosts, step, done);
    has_policy = !refused;
    // What they answer to a path that they do not know.
    const bool has_none =
        refused && refused->failure.empty() &&
        (refused->status == 400 || refused->status == 404 || refused->status == 405);
    if (has_none) {
      done.lines.push_back(step.name + ": this server knows none (" + said(*refused) +
                           "); remove what is old by other means");
    } else if (refused) {
      refuse(hosts, step, *refused);
    }
  }
  for (const SetupStep& step : setup_steps(options, server, has_policy)) {
    if (const auto refused = make(hosts, step, done)) refuse(hosts, step, *refused);
  }
  return done;
}

}  // namespace natledger
