// SPDX-License-Identifier: GPL-2.0-or-later
#include "ledger/own_connections.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>

#include "base/error.h"
#include "base/file.h"

namespace natledger {

namespace {

constexpr uint64_t kMagic = 0x316e776f74616eU;  // "natown1"

struct Header {
  uint64_t magic = kMagic;
  uint64_t count = 0;
};

struct ConnectionSlot {
  std::array<uint8_t, 16> source{}, target{};
  uint16_t source_port = 0, target_port = 0;
  uint32_t family = 0;  // IpAddress::Family
};

off_t place_of(uint64_t number) {
  return static_cast<off_t>(sizeof(Header) +
                            (number % OwnConnections::kSlots) * sizeof(ConnectionSlot));
}

std::string path_in(const std::string& state) {
  const std::string folder = own_connections_folder(state);
  make_folders(folder, "see ledger.state");
  return folder + "/own";
}

void write_at(int fd, const std::string& path, const void* bytes, size_t count, off_t at) {
  check_call("write " + path, static_cast<int>(::pwrite(fd, bytes, count, at)), "see ledger.state");
}

}  // namespace

std::string own_connections_folder(const std::string& state) { return state + "/connections"; }

OwnConnections::OwnConnections(const std::string& state)
    : path_(path_in(state)), fd_(open_file(path_, O_RDWR | O_CREAT, 0640, "see ledger.state")) {
  // Told of connections must be when the disk is full, too. Where that has no room now, it may have
  // when one is made.
  ::posix_fallocate(fd_.get(), 0, sizeof(Header) + kSlots * sizeof(ConnectionSlot));
}

void OwnConnections::add(const OwnConnection& connection) {
  check_call("lock " + path_, ::flock(fd_.get(), LOCK_EX));
  const Header header{kMagic, count() + 1};
  const ConnectionSlot slot{connection.source.bytes, connection.target.bytes,
                            connection.source_port, connection.target_port,
                            static_cast<uint32_t>(connection.source.family)};
  write_at(fd_.get(), path_, &slot, sizeof slot, place_of(header.count));
  write_at(fd_.get(), path_, &header, sizeof header, 0);
  ::flock(fd_.get(), LOCK_UN);
}

uint64_t OwnConnections::count() const {
  Header header{0, 0};
  const ssize_t got = ::pread(fd_.get(), &header, sizeof header, 0);
  return got == sizeof header && header.magic == kMagic ? header.count : 0;
}

std::vector<OwnConnection> OwnConnections::read() const {
  std::vector<ConnectionSlot> slots(std::min(count(), kSlots) + 1);
  const size_t bytes = slots.size() * sizeof(ConnectionSlot);
  const ssize_t got = ::pread(fd_.get(), slots.data(), bytes, sizeof(Header));
  slots.resize(got > 0 ? static_cast<size_t>(got) / sizeof(ConnectionSlot) : 0);
  std::vector<OwnConnection> connections;
  for (const ConnectionSlot& slot : slots) {
    const auto family = static_cast<IpAddress::Family>(slot.family);
    if (family != IpAddress::Family::kV4 && family != IpAddress::Family::kV6) continue;
    connections.push_back(
        {{slot.source, family}, {slot.target, family}, slot.source_port, slot.target_port});
  }
  return connections;
}

}  // namespace natledger
