// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/config_tree.h"

#include <algorithm>
#include <cerrno>
#include <sstream>
#include <utility>

#include <yaml-cpp/eventhandler.h>
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

// What stands in a document: where it begins, and its first content.
class DocumentView final : public YAML::EventHandler {
 public:
  int begin_line = 0;
  int content_line = 0;  // 0: empty

  void OnDocumentStart(const YAML::Mark& mark) override { begin_line = mark.line + 1; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { content(mark); }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                const std::string&) override {
    content(mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    content(mark);
  }
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    content(mark);
  }
  void OnMapEnd() override {}

 private:
  void content(const YAML::Mark& mark) {
    if (content_line == 0) content_line = mark.line + 1;
  }
};

// A file can hold several documents, and YAML::Load() reads the first alone. An empty one, as
// behind a `---` at the end, hides nothing. Counted, since yaml-cpp 0.7 finds empty documents
// without end where a bracket is closed that none has opened.
void refuse_more_than_one(const std::string& text, const ConfigNode& root) {
  constexpr int kMostDocuments = 16;
  std::istringstream stream{text};
  YAML::Parser parser{stream};
  ConfigNode place = root;
  for (int i = 0; i < kMostDocuments; ++i) {
    DocumentView document;
    if (!parser.HandleNextDocument(document)) return;
    place.line = document.begin_line;
    if (i == 0 || document.content_line == 0) continue;
    place.line = document.content_line;
    config_error(place,
                 "a second YAML document begins here, and only the first would be read (take out "
                 "the `---` or `...` before it)");
  }
  config_error(place, "not YAML: from here on it belongs to nothing (is a bracket too many?)");
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
    refuse_more_than_one(text, root);
    root = convert(YAML::Load(text), root, 0);
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
