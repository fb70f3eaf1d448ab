// SPDX-License-Identifier: GPL-2.0-or-later
#include "ship/status.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

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

std::string rate_text(const ShipStatus::One& one) {
  if (!one.per_second) return {};
  std::string text = "; " + std::to_string(std::llround(*one.per_second)) + " records/s go";
  if (!one.left) return text + ", which is no more than come";
  const auto left = std::chrono::ceil<std::chrono::seconds>(*one.left);
  return text + ", all in about " + std::to_string(left.count()) + " s";
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

ShipStatus watch_ship_status(const LedgerOptions& ledger, Duration watch) {
  ShipStatus before = read_ship_status(ledger);
  const bool none_waits =
      std::ranges::all_of(before.destinations, [](const auto& one) { return one.waiting == 0; });
  if (none_waits || watch <= Duration{}) return before;
  const auto began = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(watch);
  ShipStatus status = read_ship_status(ledger);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  for (ShipStatus::One& one : status.destinations) {
    const auto same = std::ranges::find(before.destinations, one.named.destination,
                                        [](const auto& other) { return other.named.destination; });
    if (same == before.destinations.end()) continue;
    const auto done = static_cast<double>(one.named.cursor.next - same->named.cursor.next);
    const auto nearer = static_cast<double>(same->waiting) - static_cast<double>(one.waiting);
    one.per_second = done / took.count();
    if (nearer <= 0) continue;
    one.left =
        std::chrono::duration_cast<Duration>(took * (static_cast<double>(one.waiting) / nearer));
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
              std::to_string(seconds.count()) + " s" + rate_text(one);
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
    if (one.per_second) text += ", \"per_second\": " + std::to_string(*one.per_second);
    if (one.left) text += ", \"left_ns\": " + std::to_string(one.left->count());
    for (const CursorCount& count : kCursorCounts) {
      text.append(", \"").append(count.name).append("\": ");
      text += std::to_string(one.named.cursor.*count.member);
    }
    text += "}";
  }
  return text + "]}\n";
}

}  // namespace natledger
