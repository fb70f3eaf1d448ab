// SPDX-License-Identifier: GPL-2.0-or-later
// Configuration texts. One that is good prints as one that gives the same.
#include "agent/config.h"
#include "base/error.h"
#include "fuzz/fuzz.h"

namespace {

std::string printed(const natledger::Config& config) {
  std::string text;
  for (const auto& row : natledger::option_rows(config)) {
    text.append(row.key).append(": ").append(row.value).append("\n");
  }
  return text;
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace natledger;
  const std::string text{reinterpret_cast<const char*>(data), size};
  Config config;
  try {
    config = parse_config(parse_config_text(text, "fuzz.yaml"));
    make_enrichers(config);
  } catch (const ConfigError&) {
    return 0;
  }
  const std::string once = printed(config);
  const std::string twice = printed(parse_config(parse_config_text(once, "again.yaml")));
  check(once == twice, "what config print prints is not what it read");
  return 0;
}
