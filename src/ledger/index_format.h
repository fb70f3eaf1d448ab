// SPDX-License-Identifier: GPL-2.0-or-later
// The bytes of `.idx` and `.open`: blocks of 4,096 with a checksum each, entries of fixed size.
// docs/ledger-format.md has the tables.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/time.h"
#include "ledger/index_line.h"

namespace natledger {

inline constexpr std::string_view kIndexEnd = ".idx";
inline constexpr std::string_view kOpenEnd = ".open";

// The files beside the segment whose first line has that number.
std::string index_path(const std::string& directory, uint64_t first_sequence);
std::string open_table_path(const std::string& directory, uint64_t first_sequence);

// Flows that were longer are sought in every later segment, shorter ones only so far behind.
inline constexpr uint32_t kLongSeconds = 4096;
// A line is longer than this, so at most one begins in so many bytes, and a place needs 4 bytes.
inline constexpr uint64_t kPlaceUnit = 16;
inline constexpr uint64_t kMostPlaced = kPlaceUnit << 32;
// So often the index says which line is where.
inline constexpr uint64_t kStepBytes = 1 << 20;

struct IndexKey {
  static constexpr uint8_t kV6 = 1, kNoPort = 2, kIdUnknown = 4;

  uint32_t address = 0;  // of IPv6 a hash
  uint16_t port = 0;
  uint8_t protocol = 0;
  uint8_t flags = 0;

  auto order() const { return std::tuple{flags & kV6, address, port}; }
  bool same_address(const IndexKey& other) const {
    return address == other.address && (flags & kV6) == (other.flags & kV6);
  }
};

struct IndexEntry {
  IndexKey key;
  uint32_t remote = 0;  // a hash of the other end's address
  uint32_t start = 0;   // seconds, rounded down; 0: not known
  uint32_t end = 0;     // seconds, rounded up
  uint32_t place = 0;   // in units of kPlaceUnit, rounded down

  uint32_t sought_end() const { return end; }
  bool is_long() const { return end - start > kLongSeconds; }
  auto order() const {
    return std::tuple{key.flags & IndexKey::kV6,
                      key.address,
                      key.port,
                      end,
                      start,
                      place,
                      key.protocol,
                      key.flags,
                      remote};
  }
};

struct OpenEntry {
  IndexKey key;
  uint32_t remote = 0;
  uint32_t start = 0;
  uint64_t first = 0;  // numbers of the flow's first and latest line
  uint64_t latest = 0;

  uint32_t sought_end() const { return UINT32_MAX; }  // it has none yet
  auto order() const {
    return std::tuple{
        key.flags & IndexKey::kV6, key.address, key.port, first, key.protocol, key.flags, remote};
  }
};

// From here on lines are found by going on from this one.
struct IndexStep {
  uint64_t sequence = 0;
  uint64_t place = 0;
};

// What counts of lines that are not kept themselves.
struct PassedLines {
  uint64_t last = 0;    // the number of the last; 0: there was none
  TimePoint last_time;  // of the last that has one which counts
  TimePoint reached;    // the latest of those that are of no flow
};

struct KeptLine {
  PassedLines before;  // since the kept line before
  uint64_t sequence = 0;
  std::string text;
};

struct IndexHeader {
  uint64_t first = 0;  // numbers of the first and the last line
  uint64_t last = 0;
  uint64_t bytes = 0;                // how far into the segment it reaches
  bool whole = false;                // that is the segment's end
  PassedLines rest;                  // behind the last kept line
  uint32_t short_from = UINT32_MAX;  // earliest and latest end of the short flows, seconds
  uint32_t short_to = 0;
  uint32_t long_to = 0;
  uint64_t kept_bytes = 0;
  uint64_t short_entries = 0;
  uint64_t long_entries = 0;
  uint64_t steps = 0;
};

struct OpenHeader {
  uint64_t first = 0;  // as the index's beside it
  uint64_t last = 0;
  uint64_t bytes = 0;
  uint64_t entries = 0;
};

inline constexpr size_t kBlockBytes = 4096;
inline constexpr size_t kBlockContent = kBlockBytes - 8;
inline constexpr size_t kIndexHeaderBytes = 120;
inline constexpr size_t kOpenHeaderBytes = 40;
inline constexpr size_t kIndexEntryBytes = 24;
inline constexpr size_t kOpenEntryBytes = 32;
inline constexpr size_t kIndexStepBytes = 16;
constexpr uint64_t items_a_block(size_t item_bytes) { return kBlockContent / item_bytes; }
constexpr uint64_t blocks_of(uint64_t items, size_t item_bytes) {
  return (items + items_a_block(item_bytes) - 1) / items_a_block(item_bytes);
}

IndexKey index_key(const Endpoint& seen, bool id_unknown, int protocol);
uint32_t address_hash(const IpAddress& address);
uint32_t seconds_down(TimePoint at);
uint32_t seconds_up(TimePoint at);

// Each way gives and takes the bytes named above.
void append_bytes(std::string& out, const IndexHeader& header);
void append_bytes(std::string& out, const OpenHeader& header);
void append_bytes(std::string& out, const KeptLine& line);
void append_bytes(std::string& out, const IndexEntry& entry);
void append_bytes(std::string& out, const OpenEntry& entry);
void append_bytes(std::string& out, const IndexStep& step);
// False when they are none.
bool read_bytes(std::string_view bytes, IndexHeader& header);
bool read_bytes(std::string_view bytes, OpenHeader& header);
// Takes one line off the front.
bool take_bytes(std::string_view& bytes, KeptLine& line);
void read_bytes(const char* bytes, IndexEntry& entry);
void read_bytes(const char* bytes, OpenEntry& entry);
void read_bytes(const char* bytes, IndexStep& step);

// Ends with blocks that hold `items`, of `item_bytes` each; none is in two blocks.
void append_blocks(std::string& file, std::string_view items, size_t item_bytes);
bool is_good_block(std::string_view block);

}  // namespace natledger
