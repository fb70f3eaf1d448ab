// SPDX-License-Identifier: GPL-2.0-or-later
#include "ledger/index_format.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "ledger/segment.h"

namespace natledger {

namespace {

constexpr std::string_view kIndexMagic = "natlidx1";
constexpr std::string_view kOpenMagic = "natlopn1";
constexpr size_t kKeptHeadBytes = 36;
constexpr uint64_t kOdd = 0x9E3779B97F4A7C15;  // 2^64 divided by the golden ratio

template <class T>
void put(std::string& out, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) out += static_cast<char>(value >> 8 * i & 0xff);
}

template <class T>
T get(const char* at) {
  T value = 0;
  for (size_t i = sizeof(T); i-- > 0;) {
    value = static_cast<T>(value << (sizeof(T) > 1 ? 8 : 0) | static_cast<uint8_t>(at[i]));
  }
  return value;
}

// Numbers one after the other.
class Numbers {
 public:
  explicit Numbers(const char* at) : at_(at) {}

  template <class T>
  void take(T& value) {
    value = get<T>(at_);
    at_ += sizeof(T);
  }
  void take(TimePoint& time) {
    uint64_t ns = 0;
    take(ns);
    time.ns = static_cast<int64_t>(ns);
  }
  void take(PassedLines& passed) {
    take(passed.last);
    take(passed.last_time);
    take(passed.reached);
  }

 private:
  const char* at_;
};

void put(std::string& out, TimePoint time) { put(out, static_cast<uint64_t>(time.ns)); }

void put(std::string& out, const PassedLines& passed) {
  put(out, passed.last);
  put(out, passed.last_time);
  put(out, passed.reached);
}

void put(std::string& out, const IndexKey& key) {
  put(out, key.address);
  put(out, key.port);
  put(out, key.protocol);
  put(out, key.flags);
}

IndexKey take_key(Numbers& numbers) {
  IndexKey key;
  numbers.take(key.address);
  numbers.take(key.port);
  numbers.take(key.protocol);
  numbers.take(key.flags);
  return key;
}

// Each step is one to one in the sum and in the word, so no change within one word goes unseen. No
// SHA-256: libcrypto takes longer to begin than a question may, and who forges a block can forge
// that too.
uint64_t block_sum(std::string_view content) {
  uint64_t sum = kOdd;
  for (size_t at = 0; at < content.size(); at += 8) {
    sum = std::rotl((sum ^ get<uint64_t>(content.data() + at)) * kOdd, 29);
  }
  return sum;
}

std::string path_beside(const std::string& directory, uint64_t first, std::string_view end) {
  std::string name = sealed_name(first);
  name.resize(name.rfind('.'));
  return directory + "/" + name + std::string{end};
}

uint32_t clamp_seconds(int64_t seconds) {
  return static_cast<uint32_t>(std::clamp<int64_t>(seconds, 0, UINT32_MAX));
}

}  // namespace

std::string index_path(const std::string& directory, uint64_t first_sequence) {
  return path_beside(directory, first_sequence, kIndexEnd);
}

std::string open_table_path(const std::string& directory, uint64_t first_sequence) {
  return path_beside(directory, first_sequence, kOpenEnd);
}

uint32_t address_hash(const IpAddress& address) {
  const auto words = std::bit_cast<std::array<uint64_t, 2>>(address.bytes);
  const uint64_t low = get<uint64_t>(std::bit_cast<std::array<char, 8>>(words[0]).data());
  const uint64_t high = get<uint64_t>(std::bit_cast<std::array<char, 8>>(words[1]).data());
  const uint64_t mixed = std::rotl((low ^ kOdd) * kOdd, 29) ^ high;
  return static_cast<uint32_t>(mixed * kOdd >> 32);
}

IndexKey index_key(const Endpoint& seen, bool id_unknown, int protocol) {
  IndexKey key;
  if (seen.address.family == IpAddress::Family::kV6) {
    key.flags |= IndexKey::kV6;
    key.address = address_hash(seen.address);
  } else {
    for (size_t i = 0; i < 4; ++i) key.address = key.address << 8 | seen.address.bytes[i];
  }
  if (id_unknown) {
    key.flags |= IndexKey::kIdUnknown;
  } else if (seen.port) {
    key.port = *seen.port;
  } else {
    key.flags |= IndexKey::kNoPort;
  }
  key.protocol = static_cast<uint8_t>(protocol);
  return key;
}

uint32_t seconds_down(TimePoint at) { return clamp_seconds(at.seconds()); }

uint32_t seconds_up(TimePoint at) {
  return clamp_seconds(at.seconds() + (at.ns % kNsPerSecond != 0 ? 1 : 0));
}

void append_bytes(std::string& out, const IndexHeader& header) {
  out += kIndexMagic;
  for (const uint64_t number : {header.first, header.last, header.bytes}) put(out, number);
  put(out, header.rest);
  for (const uint32_t number :
       {header.short_from, header.short_to, header.long_to, uint32_t{header.whole}}) {
    put(out, number);
  }
  for (const uint64_t number :
       {header.kept_bytes, header.short_entries, header.long_entries, header.steps}) {
    put(out, number);
  }
  out.append(16, '\0');
}

bool read_bytes(std::string_view bytes, IndexHeader& header) {
  if (bytes.size() < kIndexHeaderBytes || !bytes.starts_with(kIndexMagic)) return false;
  Numbers numbers{bytes.data() + kIndexMagic.size()};
  for (uint64_t* number : {&header.first, &header.last, &header.bytes}) numbers.take(*number);
  numbers.take(header.rest);
  uint32_t whole = 0;
  for (uint32_t* number : {&header.short_from, &header.short_to, &header.long_to, &whole}) {
    numbers.take(*number);
  }
  header.whole = whole != 0;
  for (uint64_t* number :
       {&header.kept_bytes, &header.short_entries, &header.long_entries, &header.steps}) {
    numbers.take(*number);
  }
  return true;
}

void append_bytes(std::string& out, const OpenHeader& header) {
  out += kOpenMagic;
  for (const uint64_t number : {header.first, header.last, header.bytes, header.entries}) {
    put(out, number);
  }
}

bool read_bytes(std::string_view bytes, OpenHeader& header) {
  if (bytes.size() < kOpenHeaderBytes || !bytes.starts_with(kOpenMagic)) return false;
  Numbers numbers{bytes.data() + kOpenMagic.size()};
  for (uint64_t* number : {&header.first, &header.last, &header.bytes, &header.entries}) {
    numbers.take(*number);
  }
  return true;
}

void append_bytes(std::string& out, const KeptLine& line) {
  put(out, line.before);
  put(out, line.sequence);
  put(out, static_cast<uint32_t>(line.text.size()));
  out += line.text;
}

bool take_bytes(std::string_view& bytes, KeptLine& line) {
  if (bytes.size() < kKeptHeadBytes) return false;
  Numbers numbers{bytes.data()};
  numbers.take(line.before);
  numbers.take(line.sequence);
  uint32_t size = 0;
  numbers.take(size);
  bytes.remove_prefix(kKeptHeadBytes);
  if (size > bytes.size()) return false;
  line.text = bytes.substr(0, size);
  bytes.remove_prefix(size);
  return true;
}

void append_bytes(std::string& out, const IndexEntry& entry) {
  put(out, entry.key);
  for (const uint32_t number : {entry.remote, entry.start, entry.end, entry.place}) {
    put(out, number);
  }
}

void read_bytes(const char* bytes, IndexEntry& entry) {
  Numbers numbers{bytes};
  entry.key = take_key(numbers);
  for (uint32_t* number : {&entry.remote, &entry.start, &entry.end, &entry.place}) {
    numbers.take(*number);
  }
}

void append_bytes(std::string& out, const OpenEntry& entry) {
  put(out, entry.key);
  for (const uint32_t number : {entry.remote, entry.start}) put(out, number);
  for (const uint64_t number : {entry.first, entry.latest}) put(out, number);
}

void read_bytes(const char* bytes, OpenEntry& entry) {
  Numbers numbers{bytes};
  entry.key = take_key(numbers);
  for (uint32_t* number : {&entry.remote, &entry.start}) numbers.take(*number);
  for (uint64_t* number : {&entry.first, &entry.latest}) numbers.take(*number);
}

void append_bytes(std::string& out, const IndexStep& step) {
  put(out, step.sequence);
  put(out, step.place);
}

void read_bytes(const char* bytes, IndexStep& step) {
  Numbers numbers{bytes};
  numbers.take(step.sequence);
  numbers.take(step.place);
}

void append_blocks(std::string& file, std::string_view items, size_t item_bytes) {
  const size_t content = items_a_block(item_bytes) * item_bytes;
  while (!items.empty()) {
    const size_t begin = file.size();
    file += items.substr(0, content);
    items.remove_prefix(std::min(content, items.size()));
    file.resize(begin + kBlockContent);
    put(file, block_sum(std::string_view{file}.substr(begin)));
  }
}

bool is_good_block(std::string_view block) {
  return block.size() == kBlockBytes &&
         get<uint64_t>(block.data() + kBlockContent) == block_sum(block.substr(0, kBlockContent));
}

}  // namespace natledger
