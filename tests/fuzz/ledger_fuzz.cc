// SPDX-License-Identifier: GPL-2.0-or-later
// The bytes of a segment, read back: by the ledger, and by a question.
#include <sstream>
#include <string>

#include "base/error.h"
#include "fuzz/fuzz.h"
#include "ledger/line.h"
#include "ledger/state.h"
#include "lookup/answer_text.h"
#include "lookup/who.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace natledger;
  const std::string text{reinterpret_cast<const char*>(data), size};
  parse_slot(text);
  Inquiry inquiry{parse_question({"1.2.3.4:53500", "2026-11-22T07:09:05Z", "", "", "", ""})};
  std::istringstream lines{text};
  for (std::string line; std::getline(lines, line);) {
    const uint64_t sequence = sequence_of(line);
    time_of(line);
    id_of(line);
    if (sequence != 0) inquiry.read(line, sequence);
    if (sequence != 0 && is_closed_object(line)) parse_record(line);
  }
  const Answer answer = inquiry.answer({}, {1795331345000000000});
  check(!answer_text(answer).empty() && !answer_json(answer).empty(), "no answer");
  return 0;
}
