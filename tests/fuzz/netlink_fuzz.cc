// SPDX-License-Identifier: GPL-2.0-or-later
// Datagrams of the netlink socket, through everything up to the line; a line is read back.
#include "agent/config.h"
#include "agent/pipeline.h"
#include "base/error.h"
#include "fuzz/fuzz.h"
#include "lookup/record.h"

namespace natledger {
namespace {

// Checks each line as it comes.
class CheckingSink final : public RecordSink {
 public:
  uint64_t next_sequence() const override { return next_; }
  const std::string& id_prefix() const override { return prefix_; }
  int flush() override { return 0; }
  void mark_covered(TimePoint) override {}
  void take(const char* end) override {
    RecordSink::take(end);
    std::string_view line = kept_.kept();
    kept_.drop(line.size());
    check(line.ends_with("}\n"), "a line that does not end as one");
    line.remove_suffix(1);
    const auto record = parse_record(line);
    check(record && record->flow && record->sequence == next_, "a line that does not read back");
    ++next_;
  }

 private:
  uint64_t next_ = 1;
  const std::string prefix_ = "fuzz-0-";
};

}  // namespace
}  // namespace natledger

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace natledger;
  if (size > EventRing::kMostGroupBytes) return 0;
  static CheckingSink sink;
  static Pipeline pipeline{{.sink = sink,
                            .encoder = make_encoder(Record::kFull, {.id_prefix = "fuzz-0-"}),
                            .enrichers = make_enrichers(Config{}),
                            .events = kNewEvents | kUpdateEvents | kDestroyEvents,
                            .max_flows = 10000,
                            .coverage = nullptr,
                            .wait_for_sink = nullptr}};
  static EventRing ring{1 << 20};
  ring.push_datagram({1795331340000000000}, as_bytes(data, size));
  ring.publish();
  pipeline.drain(ring);
  check(pipeline.stats().balances(), "the books do not balance");
  return 0;
}
