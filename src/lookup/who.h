// SPDX-License-Identifier: GPL-2.0-or-later
// Who was behind a public address: every flow that fits the question, and an honest verdict.
//
// The verdict is a pure function of the flows found and of what the record covers. It never gives a
// bare "nobody" over a hole, nor a certain name beside one.
#pragma once

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "ledger/index_format.h"
#include "ledger/index_line.h"
#include "lookup/question.h"
#include "lookup/record.h"
#include "lookup/timeline.h"

namespace natledger {

// An event may wait in the socket before it is read: of a start that is timed so, how early it may
// have been.
inline constexpr Duration kReading = std::chrono::seconds{2};

// The exit statuses of `who`.
enum class Verdict : int {
  kOneHost = 0,  // one inside host, and nothing says it may have been another
  kNobody = 1,   // nobody, and the record would show it
  kSeveralHosts = 3,
  kCannotSay = 4,       // nobody found, but the record has a hole there
  kOneHostNotSure = 5,  // one host found; another, or nobody, cannot be excluded
};

// A flow that was, or may have been, behind the address at the time.
struct Candidate {
  std::string flow_id;
  PublicSide side;
  int protocol = 0;
  int zone = 0;
  std::string nat_kind;
  TimePoint start;         // the zero instant: not known
  TimePoint end;           // the zero instant: not seen
  std::string doubt;       // why it may not have been there; empty: it was
  bool picked_up = false;  // it began before `start`, when the gateway did not know it
  std::string gateway;     // who recorded it, where several were asked
};

// One that was asked for its record, where not just a ledger was.
struct Gateway {
  std::string ledger;    // its ledger's id
  std::string observer;  // its name; empty: none
  bool covered = false;  // its record is whole there
  TimePoint begin;       // of its record; zero instants when it covers nothing
  TimePoint end;
};

struct Answer {
  Question question;
  Verdict verdict = Verdict::kCannotSay;
  std::vector<Candidate> candidates;         // by start
  std::vector<Hole> holes;                   // that touch the time
  std::vector<ClockSetting> clock_settings;  // that widened the skew
  bool covered = false;                      // the record is whole there
  TimePoint record_begin;
  TimePoint record_end;
  std::vector<Gateway> gateways;  // of a server's records
  std::string source;             // that server; empty: a ledger
  std::string kibana;             // a link to the same in Kibana; empty: none was asked for
};

// The time that is asked about.
struct Window {
  TimePoint at;
  Duration skew;
  TimePoint until;  // the latest instant that can matter: at + skew, but no future
};

// What may bear on a question was there at some time in between.
struct TimeRange {
  TimePoint from;
  TimePoint to;
};

// By how much times may be off: what the clock was set by it may have been off by, and several
// times may add up.
Duration widened(Duration skew, const std::vector<ClockSetting>& settings);

// Reads a ledger's lines and keeps what bears on the question: all of them in their order, or those
// that the indexes name.
class Inquiry {
 public:
  explicit Inquiry(const Question& question);

  // Lines in the order of the ledger, without '\n'. `sequence` is the line's own.
  void read(std::string_view line, uint64_t sequence);

  // Instead, of lines that have an index: the kept ones in their order, which tell what the record
  // covers, and what counts of those in between; then, in any order, the flows that may fit.
  void read_kept(std::string_view line, uint64_t sequence);
  void pass(const PassedLines& lines);
  // Before these: the number of the first line of all.
  void begins_with(uint64_t sequence);
  void recall(std::string_view line);

  const Question& question() const { return question_; }
  // Flows that were not there then need not be recalled. Of use when all that tells of coverage has
  // been read: a clock that was set widens it.
  TimeRange range() const;
  // Ids of flows of which the first record, whose event.id they are, has to be recalled too.
  std::vector<std::string> beginnings_wanted() const;

  // Once, at the end. `covered_to`: up to when the ledger is known to be whole beyond its last
  // line, the zero instant when nothing is known. `asked_at`: nothing later can be recorded yet.
  Answer answer(TimePoint covered_to, TimePoint asked_at);

 private:
  // What the ledger says of one flow.
  struct Told {
    uint64_t sequence = 0;
    FlowRecord flow;
  };
  struct Seen {
    Told first;
    Told latest;
  };

  void read_coverage(std::string_view line, uint64_t sequence, bool bears,
                     const std::optional<LedgerRecord>& record);
  void read_flow(uint64_t sequence, const FlowRecord& flow);
  bool is_whole(std::string_view line);
  bool in_order(uint64_t sequence, const CoverageLine* coverage) const;
  TimePoint last_time() const;
  TimePoint told_to() const;
  std::vector<ClockSetting> settings() const;
  Window window(TimePoint asked_at) const;
  void add_hole(std::string_view line, uint64_t behind);
  bool fits(const FlowRecord& flow, const PublicSide& side) const;
  void add_candidates(const Seen& seen, const Window& window, Answer& answer) const;

  const Question question_;
  const std::string address_text_;
  std::unordered_map<std::string, Seen> flows_;  // by flow.id
  Timeline timeline_;
  uint64_t last_sequence_ = 0;
  uint64_t whole_from_ = 0;  // from that number on no line is missing
  std::string last_line_;    // of those whose time counts; empty: last_time_ is its
  TimePoint last_time_;
  TimePoint told_to_;  // the latest instant that a coverage record or a hole reached
  bool clock_went_back_ = false;
  LineFacts facts_;  // of the line that is read
};

// The life of one flow as recorded; zero instants are not known.
struct FlowSpan {
  TimePoint first_seen;  // from then on its end would have been noticed
  TimePoint start;
  TimePoint start_not_after;
  TimePoint end;
  TimePoint end_not_before;  // of an end that was concluded, with the one below
  TimePoint end_not_after;
  uint64_t told = 0;           // the number of the last line that tells of it
  bool kernel_clock = false;   // start and end are the kernel's own
  bool receipt_clock = false;  // the start is when it was read
};

// Whether the flow was there at a time, and what makes that doubtful, if anything does.
struct Presence {
  bool there = false;
  std::string doubt;
};
Presence presence_at(const FlowSpan& flow, const Window& window, const Timeline& timeline);

// `covered`: every flow that was there at that time is recorded. `listing`: no port was asked for.
Verdict judge(const std::vector<Candidate>& candidates, bool covered, bool listing);

// What several gateways say together, each answer being of one: nobody where all of them cover the
// time and none shows a flow, one host where only one of them does. Two hosts of one address are
// two where their gateways are.
Answer combine(const std::vector<Answer>& answers);

}  // namespace natledger
