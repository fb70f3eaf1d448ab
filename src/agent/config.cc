// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/config.h"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "agent/label_names.h"
#include "base/error.h"
#include "base/json_text.h"
#include "base/quantity.h"
#include "base/suggest.h"
#include "enrich/enrichers.h"

namespace natledger {

namespace {

constexpr std::string_view kModes[] = {"event"};
constexpr std::string_view kLevels[] = {"debug", "info", "warning", "error"};
constexpr std::string_view kEvents[] = {"new", "update", "destroy"};
constexpr uint32_t kAllEvents = kNewEvents | kUpdateEvents | kDestroyEvents;
constexpr uint64_t kMiB = 1 << 20;

// A list of event names, or ulogd2's event_mask.
struct EventsRule {};
// "always", "never", or an interval.
struct SyncRule {};
// Names of enrichers, each alone or as {name: {options}}.
struct EnrichRule {};
// A text that every record carries.
struct RecordTextRule {};
struct RecordTextsRule {};
// "10%", of the file system; "0" for none.
struct PercentRule {};

uint32_t event_bit(std::string_view name) {
  for (size_t i = 0; i < std::size(kEvents); ++i) {
    if (kEvents[i] == name) return 1U << i;
  }
  return 0;
}

// As ulogd2's event_mask, 1 to 7.
std::optional<uint32_t> parse_event_mask(std::string_view text) {
  const auto mask = parse_count(text);
  if (!mask || *mask == 0 || *mask > kAllEvents) return {};
  return static_cast<uint32_t>(*mask);
}

void read_value(const ConfigNode& node, const EventsRule&, uint32_t& value) {
  value = 0;
  if (node.kind == ConfigNode::Kind::kScalar) {
    const auto mask = parse_event_mask(node.scalar);
    if (!mask) {
      config_error(node, "\"" + node.scalar + "\" is no event mask: new 1, update 2, destroy 4");
    }
    value = *mask;
    return;
  }
  std::vector<std::string> names;
  read_value(node, ListRule{}, names);
  for (size_t i = 0; i < names.size(); ++i) {
    const uint32_t bit = event_bit(names[i]);
    if (bit == 0) {
      config_error(node.list[i],
                   "unknown event \"" + names[i] + "\"" + suggestion(names[i], kEvents));
    }
    value |= bit;
  }
  if (value == 0) config_error(node, "no event is asked for, so there would be no record");
}

std::string value_text(const EventsRule&, uint32_t value) {
  return value_text(ListRule{}, event_names(value));
}

std::string rule_text(const EventsRule&) {
  return "a list of new, update, destroy, or ulogd2's event_mask";
}

void read_value(const ConfigNode& node, const SyncRule&, std::string& value) {
  std::string text;
  read_value(node, TextRule{}, text);
  if (text != "always" && text != "never") {
    const auto interval = parse_duration(text);
    if (!interval || *interval < std::chrono::milliseconds{10}) {
      config_error(node, "\"" + text + "\" is not always, never, or an interval from 10ms");
    }
  }
  value = text;
}

std::string value_text(const SyncRule&, const std::string& value) { return value; }
std::string rule_text(const SyncRule&) { return "always, never, or an interval"; }

void require_text(const ConfigNode& node, const std::string& text) {
  if (!is_utf8(text)) config_error(node, "not UTF-8");
  if (text.size() > 256) config_error(node, "longer than 256 bytes, in every record");
}

void read_value(const ConfigNode& node, const RecordTextRule&, std::string& value) {
  read_value(node, TextRule{}, value);
  require_text(node, value);
}

std::string value_text(const RecordTextRule&, const std::string& value) {
  return value_text(TextRule{}, value);
}
std::string rule_text(const RecordTextRule&) { return rule_text(TextRule{}); }

void read_value(const ConfigNode& node, const RecordTextsRule&, std::vector<std::string>& value) {
  read_value(node, ListRule{}, value);
  for (const std::string& text : value) require_text(node, text);
  if (value.size() > 16) config_error(node, "more than 16 tags, in every record");
}

std::string value_text(const RecordTextsRule&, const std::vector<std::string>& value) {
  return value_text(ListRule{}, value);
}
std::string rule_text(const RecordTextsRule&) { return rule_text(ListRule{}); }

std::string rule_text(const PercentRule&) { return "a share up to 90%, or 0"; }

void read_value(const ConfigNode& node, const PercentRule& rule, uint64_t& value) {
  constexpr uint64_t kMostPercent = 90;
  std::string text;
  read_value(node, TextRule{}, text);
  const bool percent = text.ends_with('%');
  const auto count = parse_count(text.substr(0, text.size() - (percent ? 1 : 0)));
  if (!count || (!percent && *count != 0) || *count > kMostPercent) {
    config_error(node, "\"" + text + "\" is not " + rule_text(rule));
  }
  value = *count;
}

std::string value_text(const PercentRule&, uint64_t value) {
  return value == 0 ? "0" : std::to_string(value) + "%";
}

EnricherChoice read_enricher(const ConfigNode& item) {
  EnricherChoice choice;
  if (item.kind == ConfigNode::Kind::kMap && item.map.size() == 1) {
    choice = {item.map[0].key, item.map[0].value};
  } else if (item.kind == ConfigNode::Kind::kScalar) {
    choice.name = item.scalar;
  } else {
    config_error(item, "expected a name, or {name: {options}}");
  }
  if (find_enricher(choice.name) == nullptr) {
    std::vector<std::string_view> known;
    for (const auto* kind : enricher_kinds()) known.push_back(kind->name);
    config_error(item, "unknown enricher \"" + choice.name + "\"" + suggestion(choice.name, known));
  }
  return choice;
}

void read_value(const ConfigNode& node, const EnrichRule&, std::vector<EnricherChoice>& value) {
  if (node.kind != ConfigNode::Kind::kList) config_error(node, "expected a list, [duration, nat]");
  value.clear();
  for (const ConfigNode& item : node.list) {
    EnricherChoice choice = read_enricher(item);
    for (const EnricherChoice& earlier : value) {
      if (earlier.name == choice.name) config_error(item, choice.name + " is given twice");
    }
    value.push_back(std::move(choice));
  }
}

std::string value_text(const EnrichRule&, const std::vector<EnricherChoice>& value) {
  std::vector<std::string> names;
  names.reserve(value.size());
  for (const EnricherChoice& choice : value) names.push_back(choice.name);
  return value_text(ListRule{}, names);
}

std::string rule_text(const EnrichRule&) {
  std::string text = "a list of";
  for (const auto* kind : enricher_kinds()) text.append(" ").append(kind->name);
  return text;
}

const std::array kSourceOptions{
    Option<SourceOptions>{"mode", &SourceOptions::mode, "a record for each event",
                          TextRule{kModes}},
    Option<SourceOptions>{"events", &SourceOptions::events, "the events to record", EventsRule{},
                          Change::kReload},
    Option<SourceOptions>{"receive_buffer", &SourceOptions::receive_buffer,
                          "kernel buffer of the event socket; an event takes 640 bytes of it",
                          SizeRule{64 << 10, 1 << 30}, Change::kReload},
    Option<SourceOptions>{"ring", &SourceOptions::ring,
                          "events waiting to be written, at most; idle memory is given back",
                          SizeRule{kMiB, uint64_t{64} << 30}},
    Option<SourceOptions>{"max_flows", &SourceOptions::max_flows,
                          "open flows remembered, at most; those beyond are recorded without the "
                          "id and start of their beginning",
                          CountRule{1, 1'000'000'000}},
    Option<SourceOptions>{"reconcile", &SourceOptions::reconcile,
                          "how often the open flows are compared with the kernel's table, for what "
                          "no event tells; 0: only after a loss",
                          DurationRule{}, Change::kReload},
    Option<SourceOptions>{"heartbeat", &SourceOptions::heartbeat,
                          "how often a record says how much has come so far, and how the clock "
                          "stands; 0: never",
                          DurationRule{}, Change::kReload},
};

const std::array kLedgerOptions{
    Option<LedgerOptions>{"directory", &LedgerOptions::directory,
                          "the ledger; tailers read conntrack*.json in it",
                          TextRule{.required = true}},
    Option<LedgerOptions>{"state", &LedgerOptions::state,
                          "what must survive beside the ledger; back it up with it",
                          TextRule{.required = true}},
    Option<LedgerOptions>{"sync", &LedgerOptions::sync,
                          "how often lines are forced to the disk: what a power cut may cost",
                          SyncRule{}},
    Option<LedgerOptions>{"group", &LedgerOptions::group,
                          "the group that may read the ledger; \"\" for the agent's own",
                          TextRule{}},
    Option<LedgerOptions>{"compress_after", &LedgerOptions::compress_after,
                          "how long behind its seal a segment is archived; 0: never. Tailers that "
                          "find it later than that lose it: 10m or more",
                          DurationRule{}, Change::kReload},
    Option<LedgerOptions>{"ballast", &LedgerOptions::ballast,
                          "room held back for stopping on a full disk; 0: none", SizeRule{}},
};

const std::array kRotateOptions{
    Option<RotateOptions>{"size", &RotateOptions::size,
                          "the active segment is sealed at this size, and the next begun",
                          SizeRule{64 << 10, uint64_t{2} << 30}},
    Option<RotateOptions>{"age", &RotateOptions::age,
                          "and at this age, should it not be full by then; 0: never",
                          DurationRule{}},
};

const std::array kKeepOptions{
    Option<KeepOptions>{"age", &KeepOptions::age,
                        "sealed segments whose newest line is older are removed; 0: never",
                        DurationRule{}},
    Option<KeepOptions>{"size", &KeepOptions::size,
                        "the oldest are removed where all of them are larger; 0: no limit",
                        SizeRule{}},
    Option<KeepOptions>{"free", &KeepOptions::free,
                        "the oldest are removed where less than this share of the file system is "
                        "free; 0: never, and a full disk stops the record",
                        PercentRule{}},
};

const std::array kObserverOptions{
    Option<ObserverOptions>{"name", &ObserverOptions::name,
                            "this gateway's name in each record; \"\" for the host's",
                            RecordTextRule{}, Change::kReload},
};

const std::array kLogOptions{
    Option<LogOptions>{"level", &LogOptions::level, "what the agent says of itself",
                       TextRule{kLevels}, Change::kReload},
    Option<LogOptions>{"to", &LogOptions::to, "stderr, or a file", TextRule{}},
};

const std::array kTopOptions{
    Option<Config>{"tags", &Config::tags, "words for each record", RecordTextsRule{},
                   Change::kReload},
    Option<Config>{"enrich", &Config::enrich, "what is added to each record", EnrichRule{},
                   Change::kReload},
};

// The sections, each with the member of Config that it fills; one within another has its dotted
// name.
template <class Visit, class AConfig>
void visit_sections(AConfig& config, Visit visit) {
  visit("source", kSourceOptions, config.source);
  visit("ledger", kLedgerOptions, config.ledger);
  visit("ledger.rotate", kRotateOptions, config.ledger.rotate);
  visit("ledger.keep", kKeepOptions, config.ledger.keep);
  visit("observer", kObserverOptions, config.observer);
  output_rows::visit_sections(config.outputs, visit);
  visit("log", kLogOptions, config.log);
}

// The names of the sections within the one of this name; "" for the whole.
std::vector<std::string_view> sections_within(std::string_view section) {
  std::vector<std::string_view> found;
  const Config config;
  visit_sections(config, [&](std::string_view name, const auto&, const auto&) {
    const size_t dot = name.rfind('.');
    const std::string_view parent = dot == name.npos ? "" : name.substr(0, dot);
    if (parent == section) found.push_back(name.substr(dot == name.npos ? 0 : dot + 1));
  });
  return found;
}

// Null when it is not there.
const ConfigNode* find_section(const ConfigNode& root, std::string_view dotted) {
  const ConfigNode* node = &root;
  while (node != nullptr && !dotted.empty()) {
    const size_t end = std::min(dotted.find('.'), dotted.size());
    node = node->find(dotted.substr(0, end));
    dotted.remove_prefix(std::min(end + 1, dotted.size()));
  }
  return node;
}

// A section that does not say whether it is enabled is.
void enable_given(const ConfigNode& root, std::string_view section, bool& enabled) {
  const ConfigNode* node = find_section(root, section);
  if (node != nullptr && node->find("enabled") == nullptr) enabled = true;
}

}  // namespace

Config parse_config(const ConfigNode& root) {
  Config config;
  visit_sections(config, [&](std::string_view name, const auto& options, auto& section) {
    const ConfigNode* node = find_section(root, name);
    if (node != nullptr && node->kind != ConfigNode::Kind::kNull) {
      read_options(*node, options, section, sections_within(name));
    }
  });
  read_options(root, kTopOptions, config, sections_within(""));
  enable_given(root, "output.file", config.outputs.file.enabled);
  enable_given(root, "output.elasticsearch", config.outputs.elasticsearch.enabled);
  check_outputs(config.outputs);
  return config;
}

Config load_config(const std::optional<std::string>& file) {
  if (file) return parse_config(read_config_file(*file));
  // One that may not be looked for is none of nobody's.
  if (::access(kDefaultConfigFile, F_OK) != 0 && errno == ENOENT) return Config{};
  return parse_config(read_config_file(kDefaultConfigFile));
}

std::vector<OptionRow> option_rows(const Config& config) {
  std::vector<OptionRow> rows;
  const auto add = [&](std::string_view prefix, const auto& option, const auto& section) {
    rows.push_back({std::string{prefix}.append(option.name), std::string{option.help},
                    option.allowed, option.write(section), option.change});
  };
  visit_sections(config, [&](std::string_view name, const auto& options, const auto& section) {
    for (const auto& option : options) add(std::string{name} + ".", option, section);
  });
  for (const auto& option : kTopOptions) add("", option, config);
  return rows;
}

std::vector<std::unique_ptr<Enricher>> make_enrichers(const Config& config) {
  std::vector<std::unique_ptr<Enricher>> enrichers;
  for (const EnricherChoice& choice : config.enrich) {
    const ConfigNode* options = choice.options ? &*choice.options : nullptr;
    enrichers.push_back(find_enricher(choice.name)->make(options));
  }
  return enrichers;
}

std::unique_ptr<Encoder> make_record_encoder(const Config& config, const IdPrefixes& ids) {
  EncoderOptions encoding;
  encoding.id_prefix = ids.own;
  encoding.earlier_id_prefixes = ids.earlier;
  encoding.observer = observer_name(config);
  encoding.tags = config.tags;
  encoding.label_names = read_label_names();
  return make_encoder(Record::kFull, encoding);
}

std::string observer_name(const Config& config) {
  if (!config.observer.name.empty()) return config.observer.name;
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "unknown";
  return name.data();
}

std::vector<std::string> event_names(uint32_t events) {
  std::vector<std::string> names;
  for (const std::string_view name : kEvents) {
    if (events & event_bit(name)) names.emplace_back(name);
  }
  return names;
}

uint32_t parse_events(const std::string& text) {
  if (const auto mask = parse_event_mask(text)) return *mask;
  uint32_t events = 0;
  for (size_t start = 0; start <= text.size();) {
    const size_t end = std::min(text.find(',', start), text.size());
    const std::string name = text.substr(start, end - start);
    if (event_bit(name) == 0) {
      throw ConfigError("--events: unknown event \"" + name + "\"" + suggestion(name, kEvents));
    }
    events |= event_bit(name);
    start = end + 1;
  }
  return events;
}

}  // namespace natledger
