// SPDX-License-Identifier: GPL-2.0-or-later
// ulogd2's PRINTFLOW through LOGEMU, blemishes included: TYPE and CODE of ICMP are swapped, the
// reply repeats them, and every field ends in a blank, the last one too.
#include "base/text.h"

#include "encode/encoder.h"
#include "encode/local_time.h"
#include "flow/protocol.h"

namespace natledger {

namespace {

// The protocols that PRINTFLOW knows by name.
std::string_view printflow_name(uint8_t protocol) {
  switch (protocol) {
    case kTcp:
      return "TCP";
    case kUdp:
      return "UDP";
    case kIcmp:
      return "ICMP";
    case 50:
      return "ESP";
    case 51:
      return "AH";
    default:
      return {};
  }
}

std::string_view event_text(Event event) {
  switch (event) {
    case Event::kNew:
      return "[NEW] ";
    case Event::kUpdate:
      return "[UPDATE] ";
    case Event::kDestroy:
      break;
  }
  return "[DESTROY] ";
}

class TextEncoder final : public Encoder {
 public:
  explicit TextEncoder(const EncoderOptions& options) {
    host_ = options.host.substr(0, options.host.find('.'));
    // A time, a host, and two legs of at most 200 bytes.
    longest_line_ = 512 + host_.size();
  }

  size_t longest_line() const override { return longest_line_; }

  char* append_line(char* out, const Flow& flow) override {
    at_ = out;
    if (flow.receipt.seconds() != second_) {
      second_ = flow.receipt.seconds();
      time_ = local_ctime_text(second_);
    }
    put(time_);
    put(" ");
    put(host_);
    put(" ");
    put(event_text(flow.event));
    put("ORIG: ");
    put_leg(flow.orig, flow.orig);
    put(", REPLY: ");
    put_leg(flow.reply, flow.orig);
    put("\n");
    return at_;
  }

 private:
  void put(std::string_view text) { at_ = append_text(at_, text); }

  void put(std::string_view key, uint64_t value) {
    put(key);
    at_ = append_number(at_, value);
    put(" ");
  }

  void put(std::string_view key, const IpAddress& address) {
    put(key);
    at_ = append_address(at_, address);
    put(" ");
  }

  void put_leg(const Leg& leg, const Leg& orig) {
    put("SRC=", leg.source);
    put("DST=", leg.target);
    if (const std::string_view name = printflow_name(leg.protocol); !name.empty()) {
      put("PROTO=");
      put(name);
      put(" ");
    } else {
      put("PROTO=", leg.protocol);
    }
    if (leg.protocol == kTcp || leg.protocol == kUdp) {
      put("SPT=", leg.source_port);
      put("DPT=", leg.target_port);
    } else if (leg.protocol == kIcmp) {
      put("TYPE=", orig.icmp_code);
      put("CODE=", orig.icmp_type);
    }
    put("PKTS=", leg.packets);
    put("BYTES=", leg.bytes);
  }

  std::string host_;
  size_t longest_line_;
  char* at_ = nullptr;
  int64_t second_ = INT64_MIN;
  std::string time_;  // of second_
};

}  // namespace

std::unique_ptr<Encoder> make_text_encoder(const EncoderOptions& options) {
  return std::make_unique<TextEncoder>(options);
}

}  // namespace natledger
