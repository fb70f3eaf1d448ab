// SPDX-License-Identifier: GPL-2.0-or-later
// The quick way knows one spelling of JSON, the encoder's: no blanks but one behind a comma or a
// colon, no escapes, no nesting but flat arrays. Whatever it does not know goes the other way.
#include "lookup/line_facts.h"

#include <array>
#include <charconv>
#include <cstring>

#include "base/protocol.h"
#include "lookup/record.h"

namespace natledger {

namespace {

// Whether all bytes are what a string without escapes may hold.
bool is_plain(std::string_view line) {
  constexpr uint64_t kOnes = 0x0101010101010101, kHighs = 0x8080808080808080;
  uint64_t odd = 0;
  size_t at = 0;
  for (; at + 8 <= line.size(); at += 8) {
    uint64_t word = 0;
    std::memcpy(&word, line.data() + at, 8);
    const uint64_t slashes = word ^ kOnes * '\\';
    odd |= ((word - kOnes * ' ') & ~word) | ((slashes - kOnes) & ~slashes);
  }
  for (; at < line.size(); ++at) {
    if (line[at] == '\\' || static_cast<unsigned char>(line[at]) < ' ') return false;
  }
  return (odd & kHighs) == 0;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Goes through the members of an object, each once.
class Members {
 public:
  explicit Members(std::string_view line) : rest_(line) { good_ = take("{"); }

  enum class Type : uint8_t { kText, kNumber, kArray };

  std::string_view key;
  std::string_view value;  // of a text without its quotes; of an array nothing
  Type type = Type::kText;

  // False behind the last, and where the spelling is another.
  bool next() {
    if (!good_ || ended_) return false;
    good_ = take_string(key) && take(": ") && take_value();
    if (!good_) return false;
    ended_ = rest_ == "}";
    good_ = ended_ || take(", ");
    return good_;
  }
  bool ended_well() const { return good_ && ended_; }

 private:
  bool take(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }

  bool take_string(std::string_view& text) {
    if (!rest_.starts_with('"')) return false;
    const size_t end = rest_.find('"', 1);
    if (end == std::string_view::npos) return false;
    text = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    return true;
  }

  bool take_number() {
    size_t bytes = 0;
    while (bytes < rest_.size() && is_digit(rest_[bytes])) ++bytes;
    value = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return bytes == 1 || (bytes > 1 && bytes < 19 && value[0] != '0');
  }

  bool take_value() {
    type = rest_.starts_with('"') ? Type::kText : Type::kNumber;
    if (type == Type::kText) return take_string(value);
    if (!take("[")) return take_number();
    type = Type::kArray;
    do {
      const bool taken = rest_.starts_with('"') ? take_string(value) : take_number();
      if (!taken) return false;
    } while (take(", "));
    value = {};
    return take("]");
  }

  std::string_view rest_;
  bool good_ = false;
  bool ended_ = false;
};

// The values that count, as they stand; empty: not there.
struct Values {
  std::string_view protocol, reply_protocol;
  std::string_view orig_source_port, orig_target_port, reply_source_port, reply_target_port;
  std::string_view orig_source, orig_target, reply_source, reply_target;
  std::string_view at, kind, action, flow_id, event_id, start, end;
};

constexpr struct {
  std::string_view key;
  std::string_view Values::*value;
  Members::Type type = Members::Type::kText;
} kValues[] = {
    {"orig.ip.protocol", &Values::protocol, Members::Type::kNumber},
    {"orig.l4.sport", &Values::orig_source_port, Members::Type::kNumber},
    {"orig.l4.dport", &Values::orig_target_port, Members::Type::kNumber},
    {"reply.ip.protocol", &Values::reply_protocol, Members::Type::kNumber},
    {"reply.l4.sport", &Values::reply_source_port, Members::Type::kNumber},
    {"reply.l4.dport", &Values::reply_target_port, Members::Type::kNumber},
    {"src_ip", &Values::orig_source},
    {"dest_ip", &Values::orig_target},
    {"reply.ip.saddr.str", &Values::reply_source},
    {"reply.ip.daddr.str", &Values::reply_target},
    {"@timestamp", &Values::at},
    {"event.kind", &Values::kind},
    {"event.action", &Values::action},
    {"event.id", &Values::event_id},
    {"flow.id", &Values::flow_id},
    {"event.start", &Values::start},
    {"event.end", &Values::end},
};

// In the order of the table, which is the encoder's. False where the line is spelled otherwise, or
// has a key twice, or one of an end that was not seen.
bool read_values(std::string_view line, Values& values) {
  size_t due = 0;
  Members members{line};
  while (members.next()) {
    if (members.key.starts_with("flow.end.not")) return false;
    size_t found = due;
    while (found < std::size(kValues) && kValues[found].key != members.key) ++found;
    if (found == std::size(kValues)) {
      for (size_t i = 0; i < due; ++i) {
        if (kValues[i].key == members.key) return false;
      }
      continue;
    }
    if (kValues[found].type != members.type) return false;
    values.*kValues[found].value = members.value;
    due = found + 1;
  }
  return members.ended_well();
}

// A text of digits as a number, if it is one and not above `most`.
bool read_number(std::string_view text, uint64_t most, uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() && number <= most;
}

bool read_end(std::string_view address, std::string_view port, Endpoint& end) {
  const auto parsed = parse_address(address);
  uint64_t number = 0;
  if (!parsed || !read_number(port, UINT16_MAX, number)) return false;
  end = {*parsed, static_cast<uint16_t>(number)};
  return true;
}

bool read_time(std::string_view text, TimePoint& at) {
  const auto parsed = parse_rfc3339(text);
  if (parsed) at = *parsed;
  return parsed.has_value();
}

// The number at the end of an id; 0 when there is none.
uint64_t number_of(std::string_view id) {
  const size_t dash = id.rfind('-');
  uint64_t number = 0;
  if (dash == std::string_view::npos || !read_number(id.substr(dash + 1), INT64_MAX, number)) {
    return 0;
  }
  return number;
}

void add_sides(const std::vector<PublicSide>& sides, LineFacts& facts) {
  for (const PublicSide& side : sides) {
    facts.ends.push_back({side.seen, side.id_unknown, side.remote.address});
  }
}

void clear(LineFacts& facts) {
  std::vector<PublicEnd> ends = std::move(facts.ends);
  ends.clear();
  facts = {};
  facts.ends = std::move(ends);
}

bool read_quickly(std::string_view line, LineFacts& facts) {
  Values values;
  if (!is_plain(line) || !read_values(line, values) || values.kind != "event") return false;
  const bool is_end = values.action == "flow-end";
  if (!is_end && values.action != "flow-start" && values.action != "flow-update") return false;
  uint64_t protocol = 0;
  uint64_t reply_protocol = 0;
  FlowEnds ends;
  const bool whole = read_number(values.protocol, UINT8_MAX, protocol) &&
                     read_number(values.reply_protocol, UINT8_MAX, reply_protocol) &&
                     has_ports(static_cast<uint8_t>(protocol)) &&
                     read_end(values.orig_source, values.orig_source_port, ends.orig_source) &&
                     read_end(values.orig_target, values.orig_target_port, ends.orig_target) &&
                     read_end(values.reply_source, values.reply_source_port, ends.reply_source) &&
                     read_end(values.reply_target, values.reply_target_port, ends.reply_target) &&
                     read_time(values.at, facts.at) &&
                     (values.start.data() == nullptr || read_time(values.start, facts.start)) &&
                     (!is_end || read_time(values.end, facts.end));
  if (!whole) return false;
  facts.kind = is_end ? LineFacts::Kind::kFlowEnd : LineFacts::Kind::kFlow;
  facts.protocol = static_cast<int>(protocol);
  facts.flow = number_of(values.flow_id.empty() ? values.event_id : values.flow_id);
  add_sides(public_sides(ends, true), facts);
  return true;
}

LineFacts::Kind kind_of(const CoverageLine& line) {
  if (line.action == "heartbeat") return LineFacts::Kind::kTime;
  // What it says of numbers is in the state where it is needed: it is the first of its segment.
  return line.action == "segment-sealed" ? LineFacts::Kind::kTimeless : LineFacts::Kind::kKept;
}

}  // namespace

void parse_line_facts(std::string_view line, uint64_t, LineFacts& facts) {
  clear(facts);
  const std::optional<LedgerRecord> record = parse_record(line);
  if (!record) return;  // kept, to be judged by who asks
  if (record->coverage) {
    facts.kind = kind_of(*record->coverage);
    facts.at = record->coverage->at;
    return;
  }
  if (!record->flow) return;
  const FlowRecord& flow = *record->flow;
  facts.kind = flow.is_end ? LineFacts::Kind::kFlowEnd : LineFacts::Kind::kFlow;
  facts.at = flow.at;
  facts.flow = number_of(flow.flow_id.empty() ? flow.event_id : flow.flow_id);
  facts.protocol = flow.protocol;
  facts.start = flow.start;
  facts.end = flow.end.known() ? flow.end : flow.end_not_after;
  add_sides(flow.sides, facts);
}

void read_line_facts(std::string_view line, uint64_t sequence, LineFacts& facts) {
  clear(facts);
  if (!read_quickly(line, facts)) parse_line_facts(line, sequence, facts);
}

}  // namespace natledger
