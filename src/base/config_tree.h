// SPDX-License-Identifier: GPL-2.0-or-later
// A configuration file as a tree that remembers its lines.
//
// `output.file: {...}` and `output: {file: {...}}` are the same tree. A key given twice is an
// error, since YAML itself lets one of them win silently.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace natledger {

struct ConfigEntry;

struct ConfigNode {
  enum class Kind { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  std::string scalar;
  std::vector<ConfigNode> list;
  std::vector<ConfigEntry> map;

  // Where it stands: the file's name, the line from 1, and the dotted path of keys.
  std::string file;
  int line = 0;
  std::string path;

  const ConfigNode* find(std::string_view key) const;
};

struct ConfigEntry {
  std::string key;
  ConfigNode value;
};

// Reads a YAML text; `file` is the name that errors give. Throws ConfigError.
ConfigNode parse_config_text(const std::string& text, const std::string& file);

// The same for a file. Throws ConfigError when it is not there or cannot be read.
ConfigNode read_config_file(const std::string& file);

// Throws ConfigError "file:line: path: what".
[[noreturn]] void config_error(const ConfigNode& at, std::string_view what);

}  // namespace natledger
