// SPDX-License-Identifier: GPL-2.0-or-later
// Capture files of netlink messages: pcap or pcapng read, pcap written, LINKTYPE_NETLINK.
//
// Each packet is the 16-byte pseudo header of
// https://www.tcpdump.org/linktypes/LINKTYPE_NETLINK.html (the netlink family in its last two
// bytes, network order) and then the datagram in the byte order of the machine that captured it.
// What `record`, tcpdump on an nlmon device and dumpcap write.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "base/time.h"
#include "kernel/event_source.h"

namespace natledger {

class CaptureSource final : public EventSource {
 public:
  // Throws SystemError when the file is missing, no capture, of another link type, or of the other
  // byte order.
  explicit CaptureSource(const std::string& path);
  ~CaptureSource() override;

  // The packet's time is the datagram's. Packets of other netlink families go in too: they are
  // datagrams of no conntrack event. Throws SystemError, naming the packet, when the file is cut
  // short or damaged; what stood before is in the ring, and a kDrained mark behind it.
  Received receive(EventRing& ring) override;

  // The time of the first packet; the zero instant of an empty capture.
  TimePoint first_time() const;
  // About how far the file has been read.
  uint64_t bytes_read() const;
  uint64_t bytes_in_all() const;

 private:
  struct File;
  std::unique_ptr<File> file_;
};

class CaptureWriter {
 public:
  // Makes the file anew; throws SystemError.
  explicit CaptureWriter(const std::string& path);
  ~CaptureWriter();

  void write(TimePoint at, std::span<const std::byte> datagram);
  // Makes all written so far reach the file. Throws SystemError when it does not fit.
  void flush();

 private:
  struct File;
  std::unique_ptr<File> file_;
};

}  // namespace natledger
