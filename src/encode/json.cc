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
    for (size_t i = 0; i < fields().size(); ++i) {
      annotation_keys_[i] = BlockText{", \"" + std::string{fields()[i].name} + "\": "};
    }
    for (size_t bit = 0; bit < kLabelBits; ++bit) {
      const std::string& name = options.label_names[bit];
      labels_[bit] = json_string(name.empty() ? std::to_string(bit) : name);
    }
    line_.resize(longest_line());
  }

  std::string_view encode(const Flow& flow) override {
    at_ = line_.data();
    put_opening(flow.receipt.seconds());
    put_rows<kUlogdRows>(flow);
    if (full_) {
      put_rows<kOwnRows>(flow);
      for (size_t i = 0; i < flow.annotations.size(); ++i) put_annotation(flow.annotations[i]);
      put_block(closing_);
    } else {
      put_text("}\n");
    }
    if (bare_opening_) {
      line_[2] = '{';  // `{, "orig...` without its first two characters
      return {line_.data() + 2, at_};
    }
    return {line_.data(), at_};
  }

 private:
  // The same for a whole second.
  void put_opening(int64_t receipt_seconds) {
    if (receipt_seconds != opening_second_) {
      const std::string_view time = timestamp_ ? time_.iso(receipt_seconds) : std::string_view{};
      opening_text_ = BlockText{opening_.before_time + std::string{time} + opening_.after_time};
      opening_second_ = receipt_seconds;
    }
    put_block(opening_text_);
  }

  // What a row's reader calls: the key, then the value.
  template <const auto& kRows, size_t kIndex>
  struct Put {
    JsonEncoder& encoder;

    template <class Value>
    void operator()(const Value& value) const {
      constexpr const auto& key = kKey<kRows, kIndex>;
      encoder.put_text({key.data(), key.size()});
      encoder.put_value(value);
    }
  };

  template <const auto& kRows>
  void put_rows(const Flow& flow) {
    [&]<size_t... kIndex>(std::index_sequence<kIndex...>) {
      (std::get<kIndex>(kRows).read(flow, Put<kRows, kIndex>{*this}), ...);
    }(std::make_index_sequence<std::tuple_size_v<std::remove_cvref_t<decltype(kRows)>>>{});
  }

  void put_annotation(const Annotation& annotation) {
    put_block(annotation_keys_[static_cast<size_t>(annotation.field - fields().data())]);
    if (const auto* text = std::get_if<std::string_view>(&annotation.value)) {
      check(text->size() <= kMostAnnotationText, "an annotation's text is too long");
      at_ = append_json_string(at_, *text);
    } else {
      std::visit([this](const auto& value) { put_value(value); }, annotation.value);
    }
  }

  void put_text(std::string_view text) { at_ = append_text(at_, text); }
  void put_block(const BlockText& text) { at_ = text.append_to(at_); }
  void put_char(char c) { *at_++ = c; }

  void put_value(uint8_t value) { at_ = append_number(at_, value); }
  void put_value(uint16_t value) { at_ = append_number(at_, value); }
  void put_value(uint32_t value) { at_ = append_number(at_, value); }
  void put_value(uint64_t value) { at_ = append_number(at_, value); }
  void put_value(int64_t value) { at_ = append_signed(at_, value); }
  void put_value(bool value) { put_text(value ? "true" : "false"); }
  // A constant of ours, which needs no escapes.
  void put_value(std::string_view value) {
    put_char('"');
    at_ = __builtin_constant_p(value.size()) ? append_text(at_, value)
                                             : append_short_text(at_, value);
    put_char('"');
  }
  void put_value(const HelperName& helper) { at_ = append_json_string(at_, helper.view()); }
  void put_value(TimePoint value) {
    put_char('"');
    at_ = append_utc(at_, value);
    put_char('"');
  }
  void put_value(const IpAddress& value) {
    put_char('"');
    at_ = append_address(at_, value);
    put_char('"');
  }
  void put_value(const Endpoint& value) {
    put_char('"');
    at_ = append_endpoint(at_, value);
    put_char('"');
  }
  void put_value(RecordId id) {
    put_block(id_prefix_);
    at_ = append_number(at_, id.sequence);
    put_char('"');
  }
  template <class T>
  void put_value(const Few<T>& values) {
    put_array(values.view(), [this](const T& value) { put_value(value); });
  }
  void put_value(std::span<const std::string_view> values) {
    put_array(values, [this](std::string_view value) { put_value(value); });
  }
  void put_value(const Labels& labels) {
    put_char('[');
    bool first = true;
    for (unsigned bit = 0; bit < kLabelBits; ++bit) {
      if ((labels.words[bit / 64] >> bit % 64 & 1) == 0) continue;
      if (!first) put_text(", ");
      put_text(labels_[bit]);
      first = false;
    }
    put_char(']');
  }

  template <class Values, class PutOne>
  void put_array(const Values& values, PutOne put_one) {
    put_char('[');
    for (size_t i = 0; i < values.size(); ++i) {
      if (i != 0) put_text(", ");
      put_one(values[i]);
    }
    put_char(']');
  }

  size_t longest_line() const {
    size_t bytes = opening_.before_time.size() + opening_.after_time.size() + closing_.size() + 64 +
                   BlockText::kSlack;
    for (const Field& field : fields()) bytes += field.name.size() + kValueBytes;
    bytes += 3 * id_prefix_.size();
    for (const std::string& label : labels_) bytes += label.size() + 2;
    return bytes;
  }

  const bool full_;
  const bool timestamp_;
  const Opening opening_;
  const bool bare_opening_;  // no key before those of the flow
  BlockText opening_text_;
  int64_t opening_second_ = INT64_MIN;
  const BlockText id_prefix_;
  const BlockText closing_;
  std::array<BlockText, kFieldCount> annotation_keys_;
  std::array<std::string, kLabelBits> labels_;
  LocalTime time_;
  std::string line_;
  char* at_ = nullptr;
};

}  // namespace

std::unique_ptr<Encoder> make_json_encoder(Record record, const EncoderOptions& options) {
  return std::make_unique<JsonEncoder>(record, options);
}

}  // namespace natledger
