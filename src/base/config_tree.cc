// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/config_tree.h"

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include <yaml-cpp/yaml.h>

#include "base/error.h"
#include "base/file.h"

namespace natledger {

namespace {

// Deeper than any option of ours; a file that goes deeper is a mistake, or an attack on the stack.
constexpr int kMaxDepth = 16;

std::string joined(const std::string& path, const std::string& key) {
  return path.empty() ? key : path + "." + key;
}

int64_t count_dots(const std::string& path) { return std::count(path.begin(), path.end(), '.'); }

ConfigNode convert(const YAML::Node& yaml, const ConfigNode& place, int depth);

// Puts `value` at a dotted key below `map`, making the maps between.
void insert(ConfigNode& map, const std::string& dotted, ConfigNode value) {
  const size_t dot = dotted.find('.');
  const std::string key = dotted.substr(0, dot);
  ConfigNode* child = nullptr;
  for (auto& [name, node] : map.map) {
    if (name == key) child = &node;
  }
  if (dot == std::string::npos && child == nullptr) {
    map.map.push_back({key, std::move(value)});
    return;
  }
  const bool merge_maps = child != nullptr && child->kind == ConfigNode::Kind::kMap &&
                          (dot != std::string::npos || value.kind == ConfigNode::Kind::kMap);
  if (child != nullptr && !merge_maps) config_error(value, "given twice");
  if (child == nullptr) {
    ConfigNode between;
    between.kind = ConfigNode::Kind::kMap;
    between.file = value.file;
    between.line = value.line;
    between.path = joined(map.path, key);
    map.map.push_back({key, std::move(between)});
    child = &map.map.back().value;
  }
  if (dot != std::string::npos) {
    insert(*child, dotted.substr(dot + 1), std::move(value));
  } else {
    for (auto& [name, node] : value.map) insert(*child, name, std::move(node));
  }
}

ConfigNode convert(const YAML::Node& yaml, const ConfigNode& place, int depth) {
  ConfigNode node;
  node.file = place.file;
  node.path = place.path;
  // yaml-cpp counts from 0, and gives -1 for a node made of nothing.
  node.line = yaml.Mark().line >= 0 ? yaml.Mark().line + 1 : place.line;
  if (depth > kMaxDepth) config_error(node, "nested too deeply");
  if (yaml.IsScalar()) {
    node.kind = ConfigNode::Kind::kScalar;
    node.scalar = yaml.Scalar();
  } else if (yaml.IsSequence()) {
    node.kind = ConfigNode::Kind::kList;
    for (const YAML::Node& item : yaml) node.list.push_back(convert(item, node, depth + 1));
  } else if (yaml.IsMap()) {
    node.kind = ConfigNode::Kind::kMap;
    for (const auto& entry : yaml) {
      if (!entry.first.IsScalar()) config_error(node, "a key must be a name");
      ConfigNode at = node;
      at.map.clear();
      at.line = entry.first.Mark().line + 1;
      // A dotted key makes a map a dot.
      if (count_dots(node.path) + count_dots(entry.first.Scalar()) > kMaxDepth) {
        config_error(at, "nested too deeply");
      }
      at.path = joined(node.path, entry.first.Scalar());
      ConfigNode value = convert(entry.second, at, depth + 1);
      value.line = at.line;
      insert(node, entry.first.Scalar(), std::move(value));
    }
  }
  return node;
}

// A file can hold several documents, and yaml-cpp would read the first alone. An empty one, as
// behind a `---` at the end, hides nothing.
void refuse_more_than_one(const std::vector<YAML::Node>& documents, const ConfigNode& root) {
  for (size_t i = 1; i < documents.size(); ++i) {
    if (documents[i].IsNull()) continue;
    ConfigNode second = root;
    second.line = documents[i].Mark().line + 1;
    config_error(second,
                 "a second YAML document begins here, and only the first would be read (take out "
                 "the `---` or `...` before it)");
  }
}

}  // namespace

const ConfigNode* ConfigNode::find(std::string_view key) const {
  for (const auto& [name, node] : map) {
    if (name == key) return &node;
  }
  return nullptr;
}

void config_error(const ConfigNode& at, std::string_view what) {
  std::string text = at.file + ":" + std::to_string(at.line) + ": ";
  if (!at.path.empty()) text += at.path + ": ";
  throw ConfigError(text.append(what));
}

ConfigNode parse_config_text(const std::string& text, const std::string& file) {
  ConfigNode root;
  root.file = file;
  root.line = 1;
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(text);
    refuse_more_than_one(documents, root);
    if (!documents.empty()) root = convert(documents.front(), root, 0);
  } catch (const YAML::Exception& failure) {
    root.line = failure.mark.line >= 0 ? failure.mark.line + 1 : 1;
    config_error(root, "not YAML: " + failure.msg);
  }
  if (root.kind == ConfigNode::Kind::kNull) root.kind = ConfigNode::Kind::kMap;
  if (root.kind != ConfigNode::Kind::kMap) config_error(root, "expected `key: value` lines");
  return root;
}

ConfigNode read_config_file(const std::string& file) {
  const auto text = read_file(file);
  if (!text) {
    throw ConfigError("read configuration " + file + ": " + error_text(errno) +
                      " (name another with --config, or leave it out for the defaults)");
  }
  return parse_config_text(*text, file);
}

}  // namespace natledger
