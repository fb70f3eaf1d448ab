// SPDX-License-Identifier: GPL-2.0-or-later
#include <cerrno>

#include "base/error.h"
#include "base/file.h"
#include "ledger/record_sink.h"

namespace natledger {

StreamSink::StreamSink(int fd, const std::string& ledger_id)
    : fd_(fd), id_prefix_(ledger_id + "-0-") {}

void StreamSink::take(const char* end) {
  RecordSink::take(end);
  ++next_;
}

int StreamSink::flush() {
  if (!write_whole(fd_, kept_.kept())) {
    throw SystemError("write records", errno, "make room where they go");
  }
  kept_.drop(kept_.size());
  return 0;
}

}  // namespace natledger
