// SPDX-License-Identifier: GPL-2.0-or-later
// A flow becomes one line of text. Two kinds: JSON (ulogd2's keys alone, or with ours) and ulogd2's
// LOGEMU text.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "flow/flow.h"

namespace natledger {

class Encoder {
 public:
  virtual ~Encoder() = default;

  // Writes the line of a tracked flow, its '\n' included, at `out`, where longest_line() bytes are
  // free; returns its end.
  virtual char* append_line(char* out, const Flow& flow) = 0;
  virtual size_t longest_line() const = 0;

  // The same where time does not matter.
  std::string encode(const Flow& flow);
};

enum class Record : uint8_t { kFull, kUlogd, kText };

struct EncoderOptions {
  // "<ledger id>-<epoch>-", to which a sequence makes an event.id.
  std::string id_prefix;
  // The same of Flow::first_epoch 1, 2 ...
  std::vector<std::string> earlier_id_prefixes;
  std::string observer;           // empty: no observer.name
  std::vector<std::string> tags;  // empty: no tags
  // ulogd2's options of the same names; the full record takes their defaults.
  std::string device = "Netfilter";
  bool timestamp = true;
  bool eventv1 = false;
  // Of ulogd2's text lines.
  std::string host;
  // The name of each label bit; empty: its number.
  std::array<std::string, kLabelBits> label_names;
};

std::unique_ptr<Encoder> make_encoder(Record record, const EncoderOptions& options);
std::unique_ptr<Encoder> make_json_encoder(Record record, const EncoderOptions& options);
std::unique_ptr<Encoder> make_text_encoder(const EncoderOptions& options);

// Reads the names of a connlabel.conf: lines of `number name`, others are passed over. The first
// name of a bit counts, and may have blanks within, as libnetfilter_conntrack has it.
std::array<std::string, kLabelBits> parse_label_names(std::string_view connlabel_conf);

}  // namespace natledger
