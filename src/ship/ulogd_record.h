// SPDX-License-Identifier: GPL-2.0-or-later
// ulogd2's own line, cut out of a line of the ledger.
//
// The ledger's line begins with ulogd2's keys as ulogd2 writes them with its default options:
// {"timestamp": "...", "dvc": "Netfilter", ...}. Other options change the opening alone.
#pragma once

#include <string>
#include <string_view>

namespace natledger {

// ulogd2's options of the same names, of its JSON output (ulogd2 2.0.8,
// output/ulogd_output_JSON.c).
struct UlogdOptions {
  std::string device = "Netfilter";
  bool timestamp = true;
  bool eventv1 = false;
};

class UlogdRecord {
 public:
  explicit UlogdRecord(const UlogdOptions& options);

  // Appends the line, without '\n'. False, with nothing appended, for what ulogd2 prints no line
  // for: coverage records, and what was concluded rather than seen.
  bool append(std::string_view line, std::string& out) const;

 private:
  std::string before_time_;
  std::string after_time_;
  bool timestamp_;
  bool bare_;  // no key before those of the flow
};

}  // namespace natledger
