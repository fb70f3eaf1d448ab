// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/status.h"

#include <algorithm>

#include "base/json_text.h"
#include "ledger/line.h"
#include "ledger/reader.h"
#include "ledger/segment.h"

namespace natledger {

namespace {

// When the first line from that number on was written; the zero instant when there is none.
TimePoint time_of_line(const std::string& directory, uint64_t from) {
  LedgerReader reader{directory, from};
  for (LedgerLine line; reader.next(line);) {
    if (line.sequence >= from) return time_of(line.text);
  }
  return {};
}

Duration lag_of(const ShipStatus& status, const ShipStatus::One& one) {
  return one.oldest.known() ? std::max(Duration{}, status.last_time - one.oldest) : Duration{};
}

}  // namespace

ShipStatus read_ship_status(const LedgerOptions& ledger) {
  ShipStatus status;
  const LedgerFiles files = list_ledger(ledger.directory);
  if (!files.sealed.empty()) status.last = read_tail(files.sealed.back()).last_sequence;
  if (files.active) {
    const SegmentTail tail = read_tail(files.active_path);
    if (tail.last_sequence > status.last) {
      status.last = tail.last_sequence;
      status.last_time = tail.last_time;
    }
  }
  for (NamedCursor& named : read_cursors(ledger.state)) {
    ShipStatus::One& one = status.destinations.emplace_back();
    const uint64_t next = named.cursor.next;
    one.named = std::move(named);
    if (next > status.last) continue;
    one.waiting = status.last + 1 - next;
    one.oldest = time_of_line(ledger.directory, next);
  }
  return status;
}

std::string status_text(const ShipStatus& status) {
  std::string text = "the ledger's last record is " + std::to_string(status.last) + "\n";
  if (status.destinations.empty()) text += "nothing was shipped yet\n";
  for (const ShipStatus::One& one : status.destinations) {
    text += one.named.destination + ": ";
    if (one.waiting == 0) {
      text += "everything is delivered";
    } else {
      const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(lag_of(status, one));
      text += std::to_string(one.waiting) + " records wait from " +
              std::to_string(one.named.cursor.next) + " on, the oldest for " +
              std::to_string(seconds.count()) + " s";
    }
    std::string_view joint = "; ";
    for (const CursorCount& count : kCursorCounts) {
      text.append(joint).append(count.name).append(" ");
      text += std::to_string(one.named.cursor.*count.member);
      joint = ", ";
    }
    text += "\n";
  }
  return text;
}

std::string status_json(const ShipStatus& status) {
  std::string text = "{\"last\": " + std::to_string(status.last) + ", \"destinations\": [";
  for (size_t i = 0; i < status.destinations.size(); ++i) {
    const ShipStatus::One& one = status.destinations[i];
    text += i == 0 ? "{" : ", {";
    text += "\"name\": " + json_string(one.named.destination);
    text += ", \"next\": " + std::to_string(one.named.cursor.next);
    text += ", \"waiting\": " + std::to_string(one.waiting);
    text += ", \"lag_ns\": " + std::to_string(lag_of(status, one).count());
    for (const CursorCount& count : kCursorCounts) {
      text.append(", \"").append(count.name).append("\": ");
      text += std::to_string(one.named.cursor.*count.member);
    }
    text += "}";
  }
  return text + "]}\n";
}

}  // namespace natledger
