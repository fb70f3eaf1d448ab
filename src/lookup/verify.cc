// SPDX-License-Identifier: GPL-2.0-or-later
#include "lookup/verify.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/json_text.h"
#include "ledger/covered_mark.h"
#include "ledger/ledger.h"
#include "ledger/line.h"

namespace natledger {

namespace {

std::string numbers_text(uint64_t from, uint64_t to) {
  return from == to ? "number " + std::to_string(from)
                    : "numbers " + std::to_string(from) + " to " + std::to_string(to);
}

uint64_t count_in(std::string_view line, const char* name) {
  return number_in(line, "\"coverage.count." + std::string{name} + "\":");
}

}  // namespace

void Verifier::damage(const std::string& path, uint64_t at, std::string what) {
  if (++report_.damage_count <= VerifyReport::kMostDamages) {
    report_.damages.push_back({path, at, std::move(what)});
  }
}

void Verifier::damage(uint64_t at, std::string what) {
  if (present_.path.ends_with(kArchiveEnd)) what += " (a byte of what is archived)";
  damage(present_.path, at, std::move(what));
}

void Verifier::unreadable(const std::string& path, const std::string& why) {
  damage(path, 0, why);
  index_check_.lose_lines();
}

void Verifier::read(SegmentStream stream, std::string_view name, bool active,
                    const std::function<void(uint64_t)>& progress) {
  present_ = {};
  present_.path = stream.path();
  if (oldest_.empty()) oldest_ = present_.path;
  present_.facts.name = name;
  ++report_.segments;
  index_check_.begin_segment(present_.path.substr(0, present_.path.rfind('/')));
  if (present_.path.ends_with(kArchiveEnd)) ++report_.archives;
  Sha256 sum;
  std::string buffer;
  size_t damages = 0;
  for (bool more = true; more;) {
    const size_t kept = buffer.size();
    const uint64_t at_kept = stream.at() - kept;
    more = stream.read(buffer);
    // An archive's frame behind damaged ones stands where its table says.
    present_.at = std::max(at_kept, stream.at() - buffer.size());
    for (; damages < stream.damages().size(); ++damages) {
      present_.damaged = true;
      damage(present_.path, stream.damages()[damages].at, stream.damages()[damages].what);
    }
    sum.add(std::string_view{buffer}.substr(kept));
    present_.facts.bytes += buffer.size() - kept;
    size_t at = 0;
    for (size_t end; (end = buffer.find('\n', at)) != std::string::npos; at = end + 1) {
      read_line(std::string_view{buffer}.substr(at, end - at));
      present_.at += end + 1 - at;
    }
    buffer.erase(0, at);
    progress(report_.bytes + present_.facts.bytes);
  }
  present_.facts.sha256 = sum.hex();
  end_segment(active, buffer);
}

void Verifier::read_line(std::string_view line) {
  // A torn line is followed by nothing: whoever finds one begins another segment.
  if (present_.torn) damage(present_.torn_at, "a torn line with others behind it");
  present_.torn = false;
  const uint64_t sequence = sequence_of(line);
  if (sequence == 0 || !is_closed_object(line)) {
    present_.torn = true;
    present_.torn_at = present_.at;
    return;
  }
  ++present_.lines;
  ++report_.lines;
  index_check_.add({line, sequence, present_.at});
  if (present_.facts.first == 0) present_.facts.first = sequence;
  const std::optional<LedgerRecord> record = parse_record(line);
  if (!record) damage(present_.at, "a line that is no record");
  const CoverageLine* coverage = record && record->coverage ? &*record->coverage : nullptr;
  check_number(sequence, coverage);
  if (present_.lines == 1) {
    present_.begins_with_skip = coverage != nullptr && coverage->action == "sequence-skipped";
  }
  check_id(line, sequence);
  if (const auto seal = seal_in(line); seal && present_.lines <= 2) check_seal(*seal);
  if (record) check_books(line, *record);
  present_.facts.last = report_.last = sequence;
}

// Of the oldest segment that is there: the first ever made, or one behind others.
void Verifier::check_first_number(uint64_t sequence, const CoverageLine* coverage) {
  report_.first = sequence;
  if (sequence == 1 || (coverage != nullptr && coverage->action == "segment-sealed")) return;
  const bool skips = coverage != nullptr && coverage->action == "sequence-skipped" &&
                     coverage->to_sequence + 1 == sequence;
  if (!skips) return damage(present_.at, "its beginning is missing");
  report_.first = coverage->from_sequence;
  report_.skipped += sequence - coverage->from_sequence;
}

void Verifier::check_number(uint64_t sequence, const CoverageLine* coverage) {
  if (report_.first == 0) return check_first_number(sequence, coverage);
  const uint64_t due = report_.last + 1;
  if (sequence == due) return;
  if (sequence < due) {
    return damage(present_.at,
                  "number " + std::to_string(sequence) + " behind " + std::to_string(report_.last));
  }
  const bool said = coverage != nullptr && coverage->action == "sequence-skipped" &&
                    coverage->from_sequence == due && coverage->to_sequence + 1 == sequence;
  if (said) {
    report_.skipped += sequence - due;
  } else {
    damage(present_.at, "before it " + numbers_text(due, sequence - 1) + " missing");
  }
}

void Verifier::check_id(std::string_view line, uint64_t sequence) {
  const std::string_view id = id_of(line);
  const size_t ledger_end = id.find('-');
  if (ledger_end == std::string_view::npos || !id.ends_with("-" + std::to_string(sequence))) {
    return damage(present_.at, "an event.id of another number");
  }
  const std::string_view ledger = id.substr(0, ledger_end);
  if (ledger_id_.empty()) ledger_id_ = ledger;
  if (ledger != ledger_id_) damage(present_.at, "a line of another ledger");
}

// Against what the segment before is now.
void Verifier::check_seal(const SegmentSeal& seal) {
  present_.sealed_before = true;
  present_.facts.previous = seal.sha256;
  if (!before_ || before_->damaged) return;  // removed since, or said
  const SegmentSeal& found = before_->facts;
  if (seal.name != found.name) {
    return damage(present_.at, "it seals " + seal.name + ", and " + found.name + " is before it");
  }
  const bool changed = seal.bytes != found.bytes || seal.sha256 != found.sha256;
  if (changed) index_check_.lose_lines();
  if (seal.bytes != found.bytes) {
    return damage(before_->path, std::min(seal.bytes, found.bytes),
                  "it has " + std::to_string(found.bytes) + " bytes and was sealed with " +
                      std::to_string(seal.bytes));
  }
  if (seal.sha256 != found.sha256) {
    return damage(before_->path, 0, "its bytes are not those that were sealed (SHA-256)");
  }
  if (seal.first != found.first || seal.last != found.last) {
    return damage(present_.at, "the seal says other numbers than the segment before it has");
  }
  if (seal.previous != found.previous) {
    return damage(
        before_->path, 0,
        "the segment before it is not the one that was there when it was sealed (SHA-256)");
  }
  ++report_.seals;
}

// Of each run what it wrote is what it says it did.
void Verifier::check_books(std::string_view line, const LedgerRecord& record) {
  if (record.flow && !record.flow->inferred()) ++run_.flows;
  if (!record.coverage) return;
  const std::string& action = record.coverage->action;
  if (action == "coverage-start") run_ = {true, 0};
  const bool stops = action == "coverage-stop";
  if ((!stops && action != "heartbeat") || !run_.seen_from_start) return;
  const uint64_t flows = count_in(line, "flows");
  if (flows != run_.flows) {
    damage(present_.at, "the agent says " + std::to_string(flows) + " flow records, and " +
                            std::to_string(run_.flows) + " are here");
  }
  if (count_in(line, "received") != flows + count_in(line, "ignored") +
                                        count_in(line, "malformed") + count_in(line, "duplicate") +
                                        count_in(line, "filtered")) {
    damage(present_.at, "the agent's counts do not balance");
  }
  if (stops) run_.seen_from_start = false;
}

void Verifier::end_segment(bool active, std::string_view rest) {
  if (!rest.empty() && !(active && in_use_)) {
    if (present_.torn) damage(present_.torn_at, "a torn line with another behind it");
    present_.torn = true;
  }
  if (present_.torn) ++report_.torn_lines;
  report_.bytes += present_.facts.bytes;
  check_beginning(active);
  check_index(active);
  before_ = present_;
}

// Of what cannot be read the index may know more.
void Verifier::check_index(bool active) {
  if (present_.damaged) return index_check_.lose_lines();
  std::vector<Damage> damages;
  index_check_.end_segment(active ? 0 : sequence_in_name(present_.facts.name), damages);
  for (Damage& found : damages) damage(found.path, found.at, std::move(found.what));
  report_.indexes = index_check_.indexes();
}

void Verifier::check_beginning(bool active) {
  const uint64_t first = present_.facts.first;
  if (!active && first != 0 && !present_.damaged && present_.facts.name != sealed_name(first)) {
    damage(0, "it begins with number " + std::to_string(first) + ", which its name denies");
  }
  if (!before_ || present_.sealed_before || present_.damaged) return;
  // Killed before it could seal the one before: the next seal speaks of that one too.
  present_.facts.previous = before_->facts.sha256;
  const bool begun = present_.lines == 0 || (present_.lines == 1 && present_.begins_with_skip);
  if (!begun) damage(0, "its beginning does not seal " + before_->facts.name);
}

void Verifier::check_state(const LedgerState& state, const std::string& path) {
  if (state.ledger_id != ledger_id_ && !ledger_id_.empty()) {
    return damage(path, 0,
                  "the state is of ledger " + state.ledger_id + ", the lines of " + ledger_id_);
  }
  const uint64_t kept_from = std::max<uint64_t>(state.kept_from, 1);
  if (report_.first > kept_from) {
    damage(oldest_, 0,
           "before it " + numbers_text(kept_from, report_.first - 1) +
               " missing, which retention has not removed");
  }
  if (report_.last > state.reserved_to) {
    damage(path, 0,
           "number " + std::to_string(report_.last) + " is in use, and only up to " +
               std::to_string(state.reserved_to) + " was reserved");
  }
  if (state.clean && report_.last > state.last) {
    damage(path, 0,
           "the agent stopped behind number " + std::to_string(state.last) +
               ", and the last line is " + std::to_string(report_.last));
  }
  if (report_.last < state.lines) {
    damage(path, 0,
           "there were lines up to number " + std::to_string(state.lines) + ", and the last is " +
               std::to_string(report_.last));
  }
}

// Numbers that a start has given up end with `given_up`, and have no lines.
void Verifier::check_mark(uint64_t written_end, uint64_t given_up, const std::string& path) {
  if (!in_use_) {
    const std::string what = find_mark_damage(path);
    if (!what.empty()) damage(path, 0, what);
  }
  if (std::max(report_.last, given_up) + 1 >= written_end) return;
  damage(path, 0,
         "lines were written up to number " + std::to_string(written_end - 1) +
             ", and the last is " + std::to_string(report_.last));
}

VerifyReport verify_ledger(const std::string& directory, const std::string& state,
                           const std::function<void(uint64_t)>& progress) {
  const bool in_use = is_being_written(directory);
  std::optional<Verifier> verifier{in_use};
  const std::string state_path = state + "/sequence";
  const std::string mark_path = state + "/covered";
  const StateReading before = read_state_file(state_path);
  const uint64_t written_end = read_written_end(mark_path);
  LedgerFiles files = list_ledger(directory);
  for (const SealedSegment& sealed : files.sealed) {
    try {
      SegmentStream stream{sealed};
      if (!stream.is_open()) {
        // Retention takes the oldest first; whatever else took this one, the numbers tell.
        if (!SegmentStream{files.sealed.front()}.is_open()) verifier.emplace(in_use);
        continue;
      }
      verifier->read(std::move(stream), sealed_name(sealed.first_sequence), false, progress);
    } catch (const SystemError& error) {
      verifier->unreadable(sealed.path, error.what());
    }
  }
  if (files.active) {
    verifier->read({std::move(files.active), files.active_path}, kActiveName, true, progress);
  }
  const StateReading after = read_state_file(state_path);
  if (!after.refused.empty()) {
    verifier->note("read " + state_path + ": " + after.refused +
                   "; whether lines are lost at the end is not known");
  } else if (after.damaged_slots != 0) {
    verifier->unreadable(state_path, "a slot of the state is damaged");
  } else if (after.state && before.state == after.state) {
    // No agent came or went meanwhile.
    verifier->check_state(*after.state, state_path);
    verifier->check_mark(written_end, after.state->last, mark_path);
  }
  return verifier->report();
}

std::string verify_text(const VerifyReport& report, const std::string& directory) {
  std::string text;
  for (const Damage& damage : report.damages) {
    text += fmt::format("{}, byte {}: {}\n", damage.path, damage.at, damage.what);
  }
  if (report.damage_count > report.damages.size()) {
    text += fmt::format("and {} more\n", report.damage_count - report.damages.size());
  }
  for (const std::string& note : report.notes) text += "note: " + note + "\n";
  return text + fmt::format(
                    "{}: {}; {} segments ({} archived), {} bytes; {} lines, numbers {} to {}, {} "
                    "skipped; {} torn; {} seals hold; {} indexes\n",
                    directory, report.whole() ? "whole" : "DAMAGED", report.segments,
                    report.archives, report.bytes, report.lines, report.first, report.last,
                    report.skipped, report.torn_lines, report.seals, report.indexes);
}

std::string verify_json(const VerifyReport& report) {
  std::string damages, notes;
  for (const Damage& damage : report.damages) {
    damages +=
        fmt::format(R"({}{{"file": {}, "byte": {}, "what": {}}})", damages.empty() ? "" : ", ",
                    json_string(damage.path), damage.at, json_string(damage.what));
  }
  for (const std::string& note : report.notes) {
    notes.append(notes.empty() ? "" : ", ").append(json_string(note));
  }
  return fmt::format(
      R"({{"whole": {}, "segments": {}, "archives": {}, "bytes": {}, "first": {}, "last": {}, )"
      R"("lines": {}, "skipped": {}, "torn_lines": {}, "seals": {}, "indexes": {}, )"
      R"("damage_count": {}, "damages": [{}], "notes": [{}]}})"
      "\n",
      report.whole(), report.segments, report.archives, report.bytes, report.first, report.last,
      report.lines, report.skipped, report.torn_lines, report.seals, report.indexes,
      report.damage_count, damages, notes);
}

}  // namespace natledger
