// SPDX-License-Identifier: GPL-2.0-or-later
// Captures byte by byte, after draft-ietf-opsawg-pcap and -pcapng: whole, cut short, damaged.
#include "kernel/capture.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/error.h"
#include "unit/test_support.h"

namespace natledger {
namespace {

using namespace std::string_literals;

constexpr uint32_t kMicroseconds = 0xa1b2c3d4;
constexpr uint32_t kNanoseconds = 0xa1b23c4d;
constexpr uint32_t kLinktypeNetlink = 253;
constexpr size_t kFileHeaderBytes = 24;
constexpr size_t kRecordHeaderBytes = 16;
constexpr size_t kPseudoBytes = 16;

template <class T>
std::string raw(T value, bool swapped = false) {
  std::string bytes(reinterpret_cast<const char*>(&value), sizeof value);
  if (swapped) std::reverse(bytes.begin(), bytes.end());
  return bytes;
}

std::string file_header(uint32_t magic, uint32_t link_type = kLinktypeNetlink,
                        bool swapped = false) {
  return raw(magic, swapped) + raw<uint16_t>(2, swapped) + raw<uint16_t>(4, swapped) +
         raw(0U, swapped) + raw(0U, swapped) + raw(65535U, swapped) + raw(link_type, swapped);
}

// LINKTYPE_NETLINK: PACKET_OUTGOING, ARPHRD_NETLINK, the family; all in network order.
std::string packet(const std::string& datagram, char family = 12) {
  return "\x00\x04\x03\x38"s + std::string(10, '\0') + std::string{'\0', family} + datagram;
}

std::string pcap_record(uint32_t seconds, uint32_t fraction, const std::string& packet,
                        uint32_t more = 0) {
  const auto bytes = static_cast<uint32_t>(packet.size());
  return raw(seconds) + raw(fraction) + raw(bytes) + raw(bytes + more) + packet;
}

std::string ng_block(uint32_t type, std::string body) {
  body.resize((body.size() + 3) / 4 * 4);
  const auto bytes = static_cast<uint32_t>(12 + body.size());
  return raw(type) + raw(bytes) + body + raw(bytes);
}

std::string ng_section() {
  return ng_block(0x0a0d0d0a,
                  raw(0x1a2b3c4dU) + raw<uint16_t>(1) + raw<uint16_t>(0) + raw(int64_t{-1}));
}

// An interface whose ticks are 10^-resolution seconds, counted from `offset` seconds.
std::string ng_interface(char resolution, uint16_t link_type = kLinktypeNetlink,
                         int64_t offset = 0) {
  return ng_block(1, raw(link_type) + raw<uint16_t>(0) + raw(65535U) + raw<uint16_t>(9) +
                         raw<uint16_t>(1) + std::string{resolution, '\0', '\0', '\0'} +
                         raw<uint16_t>(14) + raw<uint16_t>(8) + raw(offset) + raw(0U));
}

std::string ng_packet(uint64_t ticks, const std::string& packet) {
  const auto bytes = static_cast<uint32_t>(packet.size());
  return ng_block(6, raw(0U) + raw(static_cast<uint32_t>(ticks >> 32)) +
                         raw(static_cast<uint32_t>(ticks)) + raw(bytes) + raw(bytes) + packet);
}

class CaptureTest : public testing::Test {
 protected:
  void hold(const std::string& bytes) {
    std::ofstream{path_, std::ios::binary | std::ios::trunc} << bytes;
  }

  // All that the capture holds, one line an entry, then what ended it.
  std::vector<std::string> entries() {
    std::vector<std::string> found;
    EventRing ring{1 << 20};
    try {
      CaptureSource source{path_};
      while (source.receive(ring) == Received::kSome) take(ring, found);
      take(ring, found);
    } catch (const SystemError& error) {
      take(ring, found);
      std::string text = error.what();
      if (const size_t at = text.find(path_); at != text.npos) text.replace(at, path_.size(), "F");
      found.push_back(text);
    }
    return found;
  }

  static void take(EventRing& ring, std::vector<std::string>& found) {
    for (RingEntry entry; ring.next(entry);) {
      const std::string at = std::to_string(entry.at.ns) + " ";
      const std::string count = " " + std::to_string(entry.count);
      switch (entry.kind) {
        case RingEntry::Kind::kDatagram:
          found.push_back(at + std::string(reinterpret_cast<const char*>(entry.datagram.data()),
                                           entry.datagram.size()));
          break;
        case RingEntry::Kind::kOversize:
          found.push_back(at + "oversize" + count);
          break;
        case RingEntry::Kind::kForeign:
          found.push_back(at + "foreign" + count);
          break;
        case RingEntry::Kind::kDrained:
          found.push_back(at + "drained");
          break;
        default:
          found.push_back(at + (entry.kind == RingEntry::Kind::kEnd ? "end" : "?"));
      }
    }
  }

  using Entries = std::vector<std::string>;

  TempDir dir_;
  std::string path_ = dir_ / "f.pcap";
};

TEST_F(CaptureTest, MicrosecondsAndNanoseconds) {
  hold(file_header(kMicroseconds) + pcap_record(1795331340, 431574, packet("one")));
  const Entries micro{"1795331340431574000 one", "1795331340431574000 drained",
                      "1795331340431574000 end"};
  EXPECT_EQ(entries(), micro);
  hold(file_header(kNanoseconds) + pcap_record(1795331340, 431574999, packet("one")));
  const Entries nano{"1795331340431574999 one", "1795331340431574999 drained",
                     "1795331340431574999 end"};
  EXPECT_EQ(entries(), nano);
  hold(ng_section() + ng_interface(9) + ng_packet(1795331340431574999, packet("one")));
  EXPECT_EQ(entries(), nano);
  hold(ng_section() + ng_interface(6) + ng_packet(1795331340431574, packet("one")));
  EXPECT_EQ(entries(), micro);
}

TEST_F(CaptureTest, TimesBeyondTheRangeStopAtItsEnd) {
  hold(ng_section() + ng_interface(0) + ng_packet(UINT64_MAX / 4, packet("late")));
  EXPECT_EQ(entries().at(0), "9223372036854775807 late");
  // An offset of the interface, in seconds before 1970.
  hold(ng_section() + ng_interface(0, kLinktypeNetlink, INT64_MIN / 4) + ng_packet(0, packet("x")));
  EXPECT_EQ(entries().at(0), "-9223372036854775808 x");
}

TEST_F(CaptureTest, ACaptureOfNothingEndsAtOnce) {
  hold(file_header(kNanoseconds));
  EXPECT_EQ(entries(), (Entries{"0 drained", "0 end"}));
  EXPECT_FALSE(CaptureSource{path_}.first_time().known());
  hold(ng_section() + ng_interface(9));
  EXPECT_EQ(entries(), (Entries{"0 drained", "0 end"}));
}

TEST_F(CaptureTest, WhatIsNoEventIsSaidInItsPlace) {
  hold(file_header(kNanoseconds) + pcap_record(1, 0, packet("one")) +
       pcap_record(2, 0, packet("route", 0)) + pcap_record(3, 0, packet("cut"), 7) +
       pcap_record(4, 0, packet("").substr(1)) + pcap_record(5, 0, packet("")) +
       pcap_record(6, 0, packet("six")));
  EXPECT_EQ(entries(), (Entries{"1000000000 one", "2000000000 foreign 5", "3000000000 oversize 26",
                                "4000000000 oversize 15", "5000000000 ", "6000000000 six",
                                "6000000000 drained", "6000000000 end"}));
}

struct Unreadable {
  const char* what;
  std::string bytes;
  const char* said;
};

// How many bytes of it libpcap wanted and got.
std::string truncated(size_t wanted, const char* what, size_t got) {
  return "truncated dump file; tried to read " + std::to_string(wanted) + " " + what +
         " bytes, only got " + std::to_string(got);
}

const std::string kHowToMake = " (make it with `natledger record`, or capture an nlmon device)";
const std::string kHowToGoOn =
    " (what stands before it is taken; for the rest, copy or make it again)";

TEST_F(CaptureTest, WhatIsNoCaptureOfNetlinkIsRefused) {
  const std::string ethernet =
      "read capture F: link type EN10MB (1), not NETLINK (253)" + kHowToMake;
  const std::string swapped =
      "read capture F: made on a machine of the other byte order, which its netlink messages keep "
      "(replay it there)";
  const std::string unknown = "read capture F: unknown file format" + kHowToMake;
  const std::string empty = "read capture F: " + truncated(4, "file header", 0) + kHowToMake;
  const Unreadable cases[] = {
      {"empty", "", empty.c_str()},
      {"text", "{\"timestamp\": 1}\n", unknown.c_str()},
      {"zeros", std::string(4096, '\0'), unknown.c_str()},
      {"Ethernet", file_header(kMicroseconds, 1), ethernet.c_str()},
      {"Ethernet in pcapng", ng_section() + ng_interface(9, 1), ethernet.c_str()},
      {"the other byte order", file_header(kNanoseconds, kLinktypeNetlink, true), swapped.c_str()},
      {"the other byte order", file_header(kMicroseconds, kLinktypeNetlink, true), swapped.c_str()},
  };
  for (const Unreadable& c : cases) {
    hold(c.bytes);
    EXPECT_EQ(entries(), Entries{c.said}) << c.what;
  }
}

TEST_F(CaptureTest, AMissingFileIsNamedOnce) {
  EXPECT_EQ(entries(), Entries{"read capture F: No such file or directory" + kHowToMake});
}

TEST_F(CaptureTest, CutWithinTheFilesHeader) {
  const std::string header = file_header(kNanoseconds);
  ASSERT_EQ(header.size(), kFileHeaderBytes);
  for (size_t bytes = 0; bytes < header.size(); ++bytes) {
    hold(header.substr(0, bytes));
    // libpcap reads the magic number first, and does not count it later.
    const std::string cause = bytes < 4 ? truncated(4, "file header", bytes)
                                        : truncated(kFileHeaderBytes, "file header", bytes - 4);
    EXPECT_EQ(entries(), Entries{"read capture F: " + cause + kHowToMake});
  }
}

TEST_F(CaptureTest, CutWithinARecordWhatStoodBeforeIsKept) {
  const std::string whole = file_header(kNanoseconds) + pcap_record(1, 0, packet("one"));
  const std::string second = pcap_record(2, 0, packet("second"));
  for (size_t bytes = 1; bytes < second.size(); ++bytes) {
    hold(whole + second.substr(0, bytes));
    const bool in_header = bytes < kRecordHeaderBytes;
    const std::string cause =
        in_header ? truncated(kRecordHeaderBytes, "header", bytes)
                  : truncated(kPseudoBytes + 6, "captured", bytes - kRecordHeaderBytes);
    EXPECT_EQ(entries(), (Entries{"1000000000 one", "1000000000 drained",
                                  "read capture F, packet 2: " + cause + kHowToGoOn}));
  }
  hold(whole + second);
  EXPECT_EQ(entries().size(), 4U);
}

TEST_F(CaptureTest, CutWithinPcapngAnywhereIsAnErrorOrAWholePrefix) {
  const std::string head = ng_section() + ng_interface(9);
  const std::string first = ng_packet(1, packet("one"));
  const std::string whole = head + first + ng_packet(2, packet("two"));
  for (size_t bytes = 0; bytes < whole.size(); ++bytes) {
    hold(whole.substr(0, bytes));
    Entries found = entries();
    const bool between_blocks = bytes == head.size() || bytes == head.size() + first.size();
    const std::string last = found.back();
    EXPECT_EQ(last.ends_with(" end"), between_blocks) << bytes << ": " << last;
    EXPECT_EQ(last.starts_with("read capture F"), !between_blocks) << bytes << ": " << last;
    const size_t packets = bytes >= head.size() + first.size() ? 1 : 0;
    EXPECT_EQ(std::count(found.begin(), found.end(), "1 one"), packets) << bytes;
    EXPECT_EQ(std::count(found.begin(), found.end(), "2 two"), 0) << bytes;
  }
}

TEST_F(CaptureTest, GarbageBehindAGoodRecordNeverBecomesADatagram) {
  const std::string whole = file_header(kNanoseconds) + pcap_record(1, 0, packet("one"));
  hold(whole + std::string(64, '\xff'));
  const Entries found = entries();
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0], "1000000000 one");
  EXPECT_TRUE(found[2].starts_with("read capture F, packet 2: ")) << found[2];
}

TEST_F(CaptureTest, AFullRingIsWaitedFor) {
  const size_t packets = 20000;
  std::string bytes = file_header(kNanoseconds);
  const std::string record = pcap_record(1, 0, packet(std::string(200, 'x')));
  for (size_t i = 0; i < packets; ++i) bytes += record;
  hold(bytes);
  EventRing ring{1};
  CaptureSource source{path_};
  EXPECT_EQ(source.first_time(), TimePoint{kNsPerSecond});
  EXPECT_EQ(source.bytes_in_all(), bytes.size());
  std::vector<std::string> found;
  Received received = Received::kSome;
  size_t full = 0;
  while (received != Received::kEnd) {
    received = source.receive(ring);
    if (received != Received::kNoRoom) continue;
    ++full;
    take(ring, found);
  }
  take(ring, found);
  EXPECT_GT(full, 1U);
  EXPECT_EQ(found.size(), packets + 2);
  EXPECT_EQ(source.bytes_read(), bytes.size());
}

TEST_F(CaptureTest, WhatIsWrittenIsReadBack) {
  const std::string texts[] = {"one", "", std::string(2048, 'x'), "\0\xff\n"s};
  const TimePoint first{1795331340431574999};
  Entries expected;
  {
    CaptureWriter writer{path_};
    for (const std::string& text : texts) {
      const TimePoint at = first + Duration{static_cast<int64_t>(expected.size())};
      writer.write(at, std::as_bytes(std::span{text}));
      expected.push_back(std::to_string(at.ns) + " " + text);
    }
  }
  const std::string last = expected.back().substr(0, expected.back().find(' '));
  expected.insert(expected.end(), {last + " drained", last + " end"});
  EXPECT_EQ(entries(), expected);
}

TEST_F(CaptureTest, IsWrittenAsTheFormatSays) {
  CaptureWriter writer{path_};
  const std::string text = "one";
  writer.write({1795331340431574999}, std::as_bytes(std::span{text}));
  EXPECT_EQ(std::filesystem::file_size(path_), 0U) << "before flush()";
  writer.flush();
  std::ifstream file{path_, std::ios::binary};
  const std::string bytes{std::istreambuf_iterator<char>{file}, {}};
  EXPECT_EQ(bytes, file_header(kNanoseconds) + pcap_record(1795331340, 431574999, packet(text)));
}

// While it lives, no write to a file succeeds: a full disk for whoever has none.
struct NoFileGrows {
  NoFileGrows() {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before);
    const rlimit none{0, before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &none);
  }
  ~NoFileGrows() { ::setrlimit(RLIMIT_FSIZE, &before); }

  rlimit before{};
};

TEST_F(CaptureTest, WhatCannotBeWrittenIsSaid) {
  const auto error_of = [](const auto& act) -> std::string {
    try {
      act();
    } catch (const SystemError& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(error_of([] { CaptureWriter{"/nonexistent/f.pcap"}; }),
            "write capture /nonexistent/f.pcap: No such file or directory (name a file where you "
            "may make one)");
  const NoFileGrows limit;
  EXPECT_EQ(error_of([&] { CaptureWriter{path_}.flush(); }),
            "write capture " + path_ + ": File too large (make room, or name another file)");
}

}  // namespace
}  // namespace natledger
