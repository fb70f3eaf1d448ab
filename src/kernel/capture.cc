// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/capture.h"

#include <arpa/inet.h>
#include <linux/if_arp.h>
#include <linux/netlink.h>
#include <stdio_ext.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include <pcap/pcap.h>

#include "base/error.h"
#include "base/handle.h"

namespace natledger {

namespace {

constexpr int kLinktypeNetlink = 253;
constexpr size_t kPseudoHeaderBytes = 16;
constexpr size_t kFamilyAt = 14;
// Of pcap; pcapng has some bytes more.
constexpr size_t kPacketHeaderBytes = 16;
constexpr int kSnapBytes = 65535;
// As many as one receive of the socket takes.
constexpr int kPacketsAtOnce = 64;

constexpr size_t kFileBufferBytes = 256 << 10;

using FilePtr = Handle<std::FILE, std::fclose>;
using Pcap = Handle<pcap_t, pcap_close>;

struct PseudoHeader {
  uint16_t packet_type;    // PACKET_OUTGOING: the kernel to a process
  uint16_t hardware_type;  // ARPHRD_NETLINK
  std::array<uint8_t, 10> unused;
  uint16_t family;
};
static_assert(sizeof(PseudoHeader) == kPseudoHeaderBytes);

constexpr const char* kHowToMake = " (make it with `natledger record`, or capture an nlmon device)";

// What libpcap says of a file, which it names for some failures only.
std::string cause_of(const std::string& path, std::string said) {
  if (said.starts_with(path + ": ")) said.erase(0, path.size() + 2);
  return said;
}

// libpcap reads a packet's header and its data each by itself: a large buffer and no lock make
// these cheap.
FilePtr open_file(const std::string& path, std::span<char> buffer) {
  FilePtr file{path == "-" ? stdin : std::fopen(path.c_str(), "rbe")};
  if (!file) {
    throw SystemError("read capture " + path + ": " + error_text(errno) + kHowToMake);
  }
  // Standard input outlives the buffer.
  if (file.get() != stdin) std::setvbuf(file.get(), buffer.data(), _IOFBF, buffer.size());
  __fsetlocking(file.get(), FSETLOCKING_BYCALLER);
  return file;
}

// `buffer` must outlive what is returned.
Pcap open_capture(const std::string& path, std::span<char> buffer) {
  FilePtr file = open_file(path, buffer);
  char error[PCAP_ERRBUF_SIZE] = "";
  Pcap pcap{
      pcap_fopen_offline_with_tstamp_precision(file.get(), PCAP_TSTAMP_PRECISION_NANO, error)};
  if (!pcap) {
    throw SystemError("read capture " + path + ": " + cause_of(path, error) + kHowToMake);
  }
  static_cast<void>(file.release());  // libpcap closes it
  const int link_type = pcap_datalink(pcap.get());
  if (link_type != kLinktypeNetlink) {
    const char* name = pcap_datalink_val_to_name(link_type);
    throw SystemError("read capture " + path + ": link type " + (name != nullptr ? name : "?") +
                      " (" + std::to_string(link_type) + "), not NETLINK (253)" + kHowToMake);
  }
  if (pcap_is_swapped(pcap.get()) != 0) {
    throw SystemError("read capture " + path +
                      ": made on a machine of the other byte order, which its netlink messages "
                      "keep (replay it there)");
  }
  return pcap;
}

// A pcapng file can tell of any second of 64 bits.
TimePoint at_second(int64_t seconds) {
  constexpr int64_t kMost = INT64_MAX / kNsPerSecond;
  if (seconds > kMost) return {INT64_MAX};
  if (seconds < -kMost) return {INT64_MIN};
  return {seconds * kNsPerSecond};
}

// Whichever way receive() ends.
struct PublishAtEnd {
  EventRing& ring;
  ~PublishAtEnd() { ring.publish(); }
};

}  // namespace

struct CaptureSource::File {
  std::string path;
  std::vector<char> buffer = std::vector<char>(kFileBufferBytes);
  Pcap pcap;
  uint64_t packets = 0;
  uint64_t bytes_read = 0;
  uint64_t bytes_in_all = 0;
  TimePoint first, last;
  // The packet read and not yet taken; valid until the next read.
  pcap_pkthdr* header = nullptr;
  const u_char* data = nullptr;

  // False at the end of the capture.
  bool read() {
    const int result = pcap_next_ex(pcap.get(), &header, &data);
    if (result == PCAP_ERROR_BREAK) return false;
    ++packets;
    if (result != 1) {
      throw SystemError("read capture " + path + ", packet " + std::to_string(packets) + ": " +
                        pcap_geterr(pcap.get()) +
                        " (what stands before it is taken; for the rest, copy or make it again)");
    }
    bytes_read += kPacketHeaderBytes + header->caplen;
    // With nanosecond precision tv_usec holds nanoseconds.
    last = at_second(header->ts.tv_sec) + Duration{header->ts.tv_usec};
    if (packets == 1) first = last;
    return true;
  }

  void push(EventRing& ring) const {
    if (header->caplen < header->len || header->caplen < kPseudoHeaderBytes ||
        header->caplen > EventRing::kMostGroupBytes / 2) {
      return ring.push_mark(RingEntry::Kind::kOversize, last, header->len);
    }
    uint16_t family = 0;
    std::memcpy(&family, data + kFamilyAt, sizeof family);
    const std::span<const std::byte> datagram{
        reinterpret_cast<const std::byte*>(data) + kPseudoHeaderBytes,
        header->caplen - kPseudoHeaderBytes};
    if (ntohs(family) != NETLINK_NETFILTER) {
      return ring.push_mark(RingEntry::Kind::kForeign, last, datagram.size());
    }
    ring.push_datagram(last, datagram);
  }
};

CaptureSource::CaptureSource(const std::string& path) : file_(std::make_unique<File>()) {
  file_->path = path;
  file_->pcap = open_capture(path, file_->buffer);
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) {
    file_->bytes_in_all = static_cast<uint64_t>(status.st_size);
  }
  if (!file_->read()) file_->header = nullptr;
}

CaptureSource::~CaptureSource() = default;

Received CaptureSource::receive(EventRing& ring) {
  if (!ring.has_room()) return Received::kNoRoom;
  const PublishAtEnd publish{ring};
  size_t group_bytes = 0;
  for (int i = 0; i < kPacketsAtOnce && group_bytes < EventRing::kMostGroupBytes / 2; ++i) {
    if (file_->header == nullptr) {
      ring.push_mark(RingEntry::Kind::kDrained, file_->last);
      ring.push_mark(RingEntry::Kind::kEnd, file_->last);
      return Received::kEnd;
    }
    file_->push(ring);
    group_bytes += file_->header->caplen;
    try {
      if (!file_->read()) file_->header = nullptr;
    } catch (const SystemError&) {
      ring.push_mark(RingEntry::Kind::kDrained, file_->last);
      throw;
    }
  }
  return Received::kSome;
}

TimePoint CaptureSource::first_time() const { return file_->first; }

uint64_t CaptureSource::bytes_read() const {
  return file_->header == nullptr ? file_->bytes_in_all : file_->bytes_read;
}

uint64_t CaptureSource::bytes_in_all() const { return file_->bytes_in_all; }

struct CaptureWriter::File {
  std::string path;
  Pcap pcap;
  Handle<pcap_dumper_t, pcap_dump_close> dumper;
  std::vector<u_char> packet;
};

CaptureWriter::CaptureWriter(const std::string& path) : file_(std::make_unique<File>()) {
  file_->path = path;
  file_->pcap.reset(pcap_open_dead_with_tstamp_precision(kLinktypeNetlink, kSnapBytes,
                                                         PCAP_TSTAMP_PRECISION_NANO));
  check(file_->pcap != nullptr, "libpcap has no memory for a handle");
  file_->dumper.reset(pcap_dump_open(file_->pcap.get(), path.c_str()));
  if (!file_->dumper) {
    throw SystemError("write capture " + path + ": " +
                      cause_of(path, pcap_geterr(file_->pcap.get())) +
                      " (name a file where you may make one)");
  }
}

CaptureWriter::~CaptureWriter() = default;

void CaptureWriter::write(TimePoint at, std::span<const std::byte> datagram) {
  const PseudoHeader pseudo{htons(4), htons(ARPHRD_NETLINK), {}, htons(NETLINK_NETFILTER)};
  std::vector<u_char>& packet = file_->packet;
  packet.resize(sizeof pseudo + datagram.size());
  std::memcpy(packet.data(), &pseudo, sizeof pseudo);
  std::memcpy(packet.data() + sizeof pseudo, datagram.data(), datagram.size());
  pcap_pkthdr header{};
  header.ts.tv_sec = at.ns / kNsPerSecond;
  header.ts.tv_usec = at.ns % kNsPerSecond;  // nanoseconds, as the file's header says
  header.caplen = header.len = static_cast<bpf_u_int32>(packet.size());
  pcap_dump(reinterpret_cast<u_char*>(file_->dumper.get()), &header, packet.data());
}

void CaptureWriter::flush() {
  if (pcap_dump_flush(file_->dumper.get()) != 0) {
    throw SystemError("write capture " + file_->path, errno, "make room, or name another file");
  }
}

}  // namespace natledger
