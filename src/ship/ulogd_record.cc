// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/ulogd_record.h"

#include "base/json_text.h"
#include "ledger/line.h"

namespace natledger {

namespace {

constexpr std::string_view kOpening = R"({"timestamp": ")";
constexpr std::string_view kDevice = R"(", "dvc": "Netfilter")";
constexpr std::string_view kOwnKeys = R"(, "@timestamp": )";

}  // namespace

UlogdRecord::UlogdRecord(const UlogdOptions& options) : timestamp_(options.timestamp) {
  before_time_ = options.eventv1 ? R"({"@version": 1)" : "{";
  if (timestamp_) {
    if (options.eventv1) before_time_ += ", ";
    before_time_ += options.eventv1 ? R"("@timestamp": ")" : R"("timestamp": ")";
    after_time_ = "\"";
  }
  // As jansson, which refuses a string that is not UTF-8.
  if (is_utf8(options.device)) {
    if (before_time_ != "{") after_time_ += ", ";
    after_time_ += R"("dvc": )" + json_string(options.device);
  }
  bare_ = before_time_ == "{" && after_time_.empty();
}

bool UlogdRecord::append(std::string_view line, std::string& out) const {
  if (!line.starts_with(kOpening)) return false;
  line.remove_prefix(kOpening.size());
  const size_t time_bytes = line.find('"');
  const size_t end = line.find(kOwnKeys);
  if (end == std::string_view::npos || !line.substr(time_bytes).starts_with(kDevice)) return false;
  if (text_in(line.substr(end), "\"event.reason\":") == "inferred") return false;
  out += before_time_;
  if (timestamp_) out += line.substr(0, time_bytes);
  out += after_time_;
  std::string_view keys = line.substr(0, end).substr(time_bytes + kDevice.size());
  if (bare_ && keys.starts_with(", ")) keys.remove_prefix(2);
  out += keys;
  out += '}';
  return true;
}

}  // namespace natledger
