// SPDX-License-Identifier: GPL-2.0-or-later
// Takes members out of a record's line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace natledger {

class FieldDropper {
 public:
  explicit FieldDropper(std::vector<std::string> names) : names_(std::move(names)) {}

  // `line`: a JSON object. Valid until the next call, and as long as `line` is.
  std::string_view without(std::string_view line);

 private:
  bool drops(std::string_view member) const;

  const std::vector<std::string> names_;
  std::string kept_;
};

}  // namespace natledger
