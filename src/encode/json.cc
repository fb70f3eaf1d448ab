// SPDX-License-Identifier: GPL-2.0-or-later
// The JSON line: constant key fragments from the field table, between them numbers and addresses
// formatted by our own hands. RapidJSON's Writer needs 2.3 to 2.9 us for such a line; this is under
// half a microsecond, and the differential test holds the two against each other.
//
// Nothing is allocated and no length is checked while a line is written: the longest possible line
// is computed once, and the buffer is that long.
#include <utility>

#include "base/json_text.h"
#include "base/text.h"
#include "encode/encoder.h"
#include "encode/local_time.h"
#include "flow/field_rows.h"

namespace natledger {

namespace {

// `, "name": `, made at compile time.
template <const auto& kRows, size_t kIndex>
constexpr auto kKey = [] {
  constexpr std::string_view name = std::get<kIndex>(kRows).field.name;
  std::array<char, name.size() + 6> text{};
  size_t at = 0;
  for (const char c : {',', ' ', '"'}) text[at++] = c;
  for (const char c : name) text[at++] = c;
  for (const char c : {'"', ':', ' '}) text[at++] = c;
  return text;
}();

// No value but labels and tags is longer than this, quotes and escapes included.
constexpr size_t kValueBytes = 400;
static_assert(json_string_bytes(kMostAnnotationText) <= kValueBytes);
static_assert(json_string_bytes(kHelperNameBytes) <= kValueBytes);

std::string tags_text(const std::vector<std::string>& tags) {
  std::string text;
  for (const std::string& tag : tags)
    text.append(text.empty() ? "" : ", ").append(json_string(tag));
  return "[" + text + "]";
}

// `{"timestamp": "..."` up to the time, and from it to the first key that a flow gives.
struct Opening {
  std::string before_time;
  std::string after_time;
};

Opening opening_of(const EncoderOptions& options) {
  Opening opening;
  opening.before_time = options.eventv1 ? R"({"@version": 1)" : "{";
  if (options.timestamp) {
    if (options.eventv1) opening.before_time += ", ";
    opening.before_time += options.eventv1 ? R"("@timestamp": ")" : R"("timestamp": ")";
    opening.after_time = "\"";
  }
  // As jansson, which refuses a string that is not UTF-8.
  if (is_utf8(options.device)) {
    if (opening.before_time != "{") opening.after_time += ", ";
    opening.after_time += "\"dvc\": " + json_string(options.device);
  }
  return opening;
}

std::string closing_of(const EncoderOptions& options) {
  std::string closing;
  if (!options.observer.empty())
    closing += R"(, "observer.name": )" + json_string(options.observer);
  if (!options.tags.empty()) closing += R"(, "tags": )" + tags_text(options.tags);
  return closing + "}\n";
}

class JsonEncoder final : public Encoder {
 public:
  JsonEncoder(Record record, const EncoderOptions& options)
      : full_(record == Record::kFull),
        timestamp_(options.timestamp),
        opening_(opening_of(options)),
        bare_opening_(opening_.before_time == "{" && opening_.after_time.empty()),
        id_prefix_("\"" + options.id_prefix),
        closing_(closing_of(options)) {
    for (const std::string& prefix : options.earlier_id_prefixes) {
      earlier_id_prefixes_.emplace_back("\"" + prefix);
      longest_id_prefix_ = std::max(longest_id_prefix_, prefix.size() + 1);
    }
    for (size_t i = 0; i < fields().size(); ++i) {
      annotation_keys_[i] = BlockText{", \"" + std::string{fields()[i].name} + "\": "};
    }
    for (size_t bit = 0; bit < kLabelBits; ++bit) {
      const std::string& name = options.label_names[bit];
      labels_[bit] = json_string(name.empty() ? std::to_string(bit) : name);
    }
    longest_line_ = longest_possible_line();
  }

  size_t longest_line() const override { return longest_line_; }

  char* append_line(char* const start, const Flow& flow) override {
    char* out = put_opening(start, flow.receipt.seconds());
    out = put_rows<kUlogdRows>(out, flow);
    if (full_) {
      out = put_rows<kOwnRows>(out, flow);
      for (size_t i = 0; i < flow.annotations.size(); ++i) {
        out = put_annotation(out, flow.annotations[i]);
      }
      out = closing_.append_to(out);
    } else {
      out = append_text(out, "}\n");
    }
    return bare_opening_ ? without_first_comma(start, out) : out;
  }

 private:
  // Every function below writes at `out` and returns the end of what it wrote. The place is passed
  // on rather than kept in a member: what is written might be that member, for all the compiler
  // knows, so it would be loaded and stored again for each piece.

  char* put_opening(char* out, int64_t receipt_seconds) {
    if (receipt_seconds != opening_second_) renew_opening(receipt_seconds);
    return opening_text_.append_to(out);
  }

  [[gnu::noinline]] void renew_opening(int64_t receipt_seconds) {
    const std::string time = timestamp_ ? local_iso_text(receipt_seconds) : "";
    opening_text_ = BlockText{opening_.before_time + time + opening_.after_time};
    opening_second_ = receipt_seconds;
  }

  // `{, "orig...` without its second and third characters.
  static char* without_first_comma(char* start, char* end) {
    std::memmove(start + 1, start + 3, static_cast<size_t>(end - start - 3));
    return end - 2;
  }

  // What a row's reader calls: the key, then the value.
  template <const auto& kRows, size_t kIndex>
  struct Put {
    const JsonEncoder& encoder;
    char*& out;

    template <class Value>
    void operator()(const Value& value) const {
      constexpr const auto& key = kKey<kRows, kIndex>;
      out = encoder.put_value(append_text(out, {key.data(), key.size()}), value);
    }
  };

  template <const auto& kRows>
  char* put_rows(char* out, const Flow& flow) const {
    [&]<size_t... kIndex>(std::index_sequence<kIndex...>) {
      (std::get<kIndex>(kRows).read(flow, Put<kRows, kIndex>{*this, out}), ...);
    }(std::make_index_sequence<std::tuple_size_v<std::remove_cvref_t<decltype(kRows)>>>{});
    return out;
  }

  char* put_annotation(char* out, const Annotation& annotation) const {
    const auto index = static_cast<size_t>(annotation.field - fields().data());
    out = annotation_keys_[index].append_to(out);
    if (const auto* text = std::get_if<std::string_view>(&annotation.value)) {
      check(text->size() <= kMostAnnotationText, "an annotation's text is too long");
      return append_json_string(out, *text);
    }
    return std::visit([&](const auto& value) { return put_value(out, value); }, annotation.value);
  }

  static char* put_char(char* out, char c) {
    *out = c;
    return out + 1;
  }

  char* put_value(char* out, uint8_t value) const { return append_small(out, value); }
  char* put_value(char* out, uint16_t value) const { return append_number(out, value); }
  char* put_value(char* out, uint32_t value) const { return append_number(out, value); }
  char* put_value(char* out, uint64_t value) const { return append_number(out, value); }
  char* put_value(char* out, int64_t value) const { return append_signed(out, value); }
  char* put_value(char* out, bool value) const {
    return value ? append_text(out, "true") : append_text(out, "false");
  }
  // A constant of ours, which needs no escapes.
  char* put_value(char* out, std::string_view value) const {
    out = put_char(out, '"');
    out = __builtin_constant_p(value.size()) ? append_text(out, value)
                                             : append_short_text(out, value);
    return put_char(out, '"');
  }
  char* put_value(char* out, const HelperName& helper) const {
    return append_json_string(out, helper.view());
  }
  char* put_value(char* out, TimePoint value) const {
    return put_char(append_utc(put_char(out, '"'), value), '"');
  }
  char* put_value(char* out, const IpAddress& value) const {
    return put_char(append_address(put_char(out, '"'), value), '"');
  }
  char* put_value(char* out, const Endpoint& value) const {
    return put_char(append_endpoint(put_char(out, '"'), value), '"');
  }
  char* put_value(char* out, RecordId id) const {
    const BlockText& prefix = id.epoch == 0 ? id_prefix_ : earlier_id_prefixes_[id.epoch - 1];
    return put_char(append_number(prefix.append_to(out), id.sequence), '"');
  }
  template <class T>
  char* put_value(char* out, const Few<T>& values) const {
    return put_array(out, values.view());
  }
  char* put_value(char* out, std::span<const std::string_view> values) const {
    return put_array(out, values);
  }
  char* put_value(char* out, const Labels& labels) const {
    out = put_char(out, '[');
    bool first = true;
    for (unsigned bit = 0; bit < kLabelBits; ++bit) {
      if ((labels.words[bit / 64] >> bit % 64 & 1) == 0) continue;
      if (!first) out = append_text(out, ", ");
      out = append_text(out, labels_[bit]);
      first = false;
    }
    return put_char(out, ']');
  }

  template <class Values>
  char* put_array(char* out, const Values& values) const {
    out = put_char(out, '[');
    for (size_t i = 0; i < values.size(); ++i) {
      if (i != 0) out = append_text(out, ", ");
      out = put_value(out, values[i]);
    }
    return put_char(out, ']');
  }

  size_t longest_possible_line() const {
    size_t bytes = opening_.before_time.size() + opening_.after_time.size() + closing_.size() + 64 +
                   BlockText::kSlack;
    for (const Field& field : fields()) bytes += field.name.size() + kValueBytes;
    bytes += 3 * std::max(id_prefix_.size(), longest_id_prefix_);
    for (const std::string& label : labels_) bytes += label.size() + 2;
    return bytes;
  }

  const bool full_;
  const bool timestamp_;
  const Opening opening_;
  const bool bare_opening_;  // no key before those of the flow
  BlockText opening_text_;   // of opening_second_
  int64_t opening_second_ = INT64_MIN;
  const BlockText id_prefix_;
  std::vector<BlockText> earlier_id_prefixes_;
  size_t longest_id_prefix_ = 0;
  const BlockText closing_;
  std::array<BlockText, kFieldCount> annotation_keys_;
  std::array<std::string, kLabelBits> labels_;
  size_t longest_line_;
};

}  // namespace

std::unique_ptr<Encoder> make_json_encoder(Record record, const EncoderOptions& options) {
  return std::make_unique<JsonEncoder>(record, options);
}

}  // namespace natledger
