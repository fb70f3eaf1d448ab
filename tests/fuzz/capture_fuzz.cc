// SPDX-License-Identifier: GPL-2.0-or-later
// Capture files, pcap and pcapng.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "base/error.h"
#include "base/file.h"
#include "fuzz/fuzz.h"
#include "kernel/capture.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace natledger;
  const UniqueFd file{::memfd_create("capture", MFD_CLOEXEC)};
  check(write_whole(file.get(), {reinterpret_cast<const char*>(data), size}), "no memory file");
  EventRing ring{1 << 20};
  RingEntry entry{};
  try {
    CaptureSource source{"/proc/self/fd/" + std::to_string(file.get())};
    while (source.receive(ring) != Received::kEnd) {
      while (ring.next(entry)) {
      }
    }
  } catch (const SystemError&) {
    // Said; that is all a bad capture may do.
  }
  return 0;
}
