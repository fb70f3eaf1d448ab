// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/conntrack_table.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <libmnl/libmnl.h>

#include "base/error.h"
#include "base/file.h"
#include "base/handle.h"
#include "base/protocol.h"

namespace natledger {

namespace {

using MnlSocket = Handle<mnl_socket, mnl_socket_close>;

// The kernel fills a dump's datagrams up to 32 KiB when the reader offers that much.
constexpr size_t kBufferBytes = 64 * 1024;

MnlSocket open_socket() {
  MnlSocket socket{mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC)};
  if (!socket) {
    throw DumpError("open netlink socket", errno, "is CONFIG_NETFILTER_NETLINK in this kernel?");
  }
  check_call("bind netlink socket", mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID));
  return socket;
}

void request_dump(mnl_socket* socket) {
  std::array<char, 64> buffer{};
  nlmsghdr* header = mnl_nlmsg_put_header(buffer.data());
  header->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET;
  header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  auto* family = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(nfgenmsg)));
  family->nfgen_family = AF_UNSPEC;
  if (mnl_socket_sendto(socket, header, header->nlmsg_len) < 0) {
    throw DumpError("ask for the conntrack table", errno, "needs CAP_NET_ADMIN");
  }
}

// So many are asked at once: their answers fit into any receive buffer.
constexpr size_t kBatch = 128;
// For a query nothing else than its answers can arrive; the kernel gives them before send returns.
constexpr timeval kPatience{5, 0};

void put_ports(nlmsghdr* header, const AskedTuple& asked) {
  const bool v4 = asked.source.family == IpAddress::Family::kV4;
  if (asked.protocol == (v4 ? kIcmp : kIcmp6)) {
    mnl_attr_put_u16(header, v4 ? CTA_PROTO_ICMP_ID : CTA_PROTO_ICMPV6_ID, htons(asked.icmp_id));
    mnl_attr_put_u8(header, v4 ? CTA_PROTO_ICMP_TYPE : CTA_PROTO_ICMPV6_TYPE, asked.icmp_type);
    mnl_attr_put_u8(header, v4 ? CTA_PROTO_ICMP_CODE : CTA_PROTO_ICMPV6_CODE, asked.icmp_code);
  } else {
    mnl_attr_put_u16(header, CTA_PROTO_SRC_PORT, htons(asked.source_port));
    mnl_attr_put_u16(header, CTA_PROTO_DST_PORT, htons(asked.target_port));
  }
}

void put_query(mnl_nlmsg_batch* batch, uint32_t number, const AskedTuple& asked) {
  nlmsghdr* header = mnl_nlmsg_put_header(mnl_nlmsg_batch_current(batch));
  header->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET;
  header->nlmsg_flags = NLM_F_REQUEST;
  header->nlmsg_seq = number;
  auto* family = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(nfgenmsg)));
  const bool v4 = asked.source.family == IpAddress::Family::kV4;
  family->nfgen_family = v4 ? AF_INET : AF_INET6;
  nlattr* tuple = mnl_attr_nest_start(header, CTA_TUPLE_ORIG);
  nlattr* addresses = mnl_attr_nest_start(header, CTA_TUPLE_IP);
  const size_t bytes = v4 ? 4 : 16;
  mnl_attr_put(header, v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, bytes, asked.source.bytes.data());
  mnl_attr_put(header, v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, bytes, asked.target.bytes.data());
  mnl_attr_nest_end(header, addresses);
  nlattr* protocol = mnl_attr_nest_start(header, CTA_TUPLE_PROTO);
  mnl_attr_put_u8(header, CTA_PROTO_NUM, asked.protocol);
  put_ports(header, asked);
  mnl_attr_nest_end(header, protocol);
  mnl_attr_nest_end(header, tuple);
  if (asked.zone != 0) mnl_attr_put_u16(header, CTA_ZONE, htons(asked.zone));
  mnl_nlmsg_batch_next(batch);
}

// The answers to one query each: an entry, or ENOENT. How many there were.
size_t read_answers(mnl_socket* socket, std::vector<char>& buffer, const MessageVisit& visit) {
  const ssize_t got = mnl_socket_recvfrom(socket, buffer.data(), buffer.size());
  if (got < 0 && errno == EINTR) return 0;
  if (got < 0) throw DumpError("ask for an entry of the conntrack table", errno, "try again");
  size_t answers = 0;
  auto left = static_cast<int>(got);
  for (const auto* header = reinterpret_cast<const nlmsghdr*>(buffer.data());
       mnl_nlmsg_ok(header, left); header = mnl_nlmsg_next(header, &left)) {
    ++answers;
    if (header->nlmsg_type != NLMSG_ERROR) {
      visit({reinterpret_cast<const std::byte*>(header), header->nlmsg_len});
      continue;
    }
    const auto* error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(header));
    if (error->error != -ENOENT) {
      throw DumpError("ask for an entry of the conntrack table", -error->error,
                      "needs CAP_NET_ADMIN");
    }
  }
  return answers;
}

}  // namespace

void query_table(std::span<const AskedTuple> asked, const MessageVisit& visit) {
  const MnlSocket socket = open_socket();
  ::setsockopt(mnl_socket_get_fd(socket.get()), SOL_SOCKET, SO_RCVTIMEO, &kPatience,
               sizeof kPatience);
  std::vector<char> answers(kBufferBytes);
  std::vector<char> queries(kBufferBytes);
  for (size_t done = 0; done < asked.size();) {
    const auto now = asked.subspan(done, std::min(kBatch, asked.size() - done));
    const Handle<mnl_nlmsg_batch, mnl_nlmsg_batch_stop> batch{
        mnl_nlmsg_batch_start(queries.data(), queries.size())};
    for (size_t i = 0; i < now.size(); ++i) {
      put_query(batch.get(), static_cast<uint32_t>(i), now[i]);
    }
    if (mnl_socket_sendto(socket.get(), mnl_nlmsg_batch_head(batch.get()),
                          mnl_nlmsg_batch_size(batch.get())) < 0) {
      throw DumpError("ask for an entry of the conntrack table", errno, "needs CAP_NET_ADMIN");
    }
    for (size_t answered = 0; answered < now.size();) {
      answered += read_answers(socket.get(), answers, visit);
    }
    done += now.size();
  }
}

namespace {

// One thread asks the kernel for the next entries while the caller takes those before: each costs
// about as much as the other.
class DumpReader {
 public:
  struct Piece {
    std::vector<char> bytes = std::vector<char>(kBufferBytes);
    ssize_t got = 0;  // what recv() gave
    int cause = 0;    // errno, where that is negative
  };

  explicit DumpReader(mnl_socket* socket) : socket_(socket), thread_([this] { run(); }) {}
  ~DumpReader() {
    {
      const std::lock_guard lock{mutex_};
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  // The next one; waits for it. Valid until the next call.
  const Piece& next() {
    std::unique_lock lock{mutex_};
    if (std::exchange(taken_, true)) ++first_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return first_ < end_; });
    return pieces_[first_ % kPieces];
  }

 private:
  static constexpr size_t kPieces = 16;

  // Whether the dump ends with these messages.
  static bool is_last(const Piece& piece) {
    if (piece.got <= 0) return true;
    auto left = static_cast<int>(piece.got);
    for (const auto* header = reinterpret_cast<const nlmsghdr*>(piece.bytes.data());
         mnl_nlmsg_ok(header, left); header = mnl_nlmsg_next(header, &left)) {
      if (header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR) return true;
    }
    return false;
  }

  void run() {
    ::pthread_setname_np(::pthread_self(), "dump");
    for (bool last = false; !last;) {
      {
        std::unique_lock lock{mutex_};
        changed_.wait(lock, [this] { return stopping_ || end_ < first_ + kPieces; });
        if (stopping_) return;
      }
      Piece& piece = pieces_[end_ % kPieces];
      do {
        piece.got = mnl_socket_recvfrom(socket_, piece.bytes.data(), piece.bytes.size());
        piece.cause = errno;
      } while (piece.got < 0 && piece.cause == EINTR);
      last = is_last(piece);
      {
        const std::lock_guard lock{mutex_};
        ++end_;
      }
      changed_.notify_all();
    }
  }

  mnl_socket* const socket_;
  std::array<Piece, kPieces> pieces_;
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t first_ = 0, end_ = 0;  // numbers of the pieces that are full
  bool taken_ = false;          // the first one, by the caller
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace

void dump_table(const MessageVisit& visit) {
  const MnlSocket socket = open_socket();
  request_dump(socket.get());
  struct Context {
    const MessageVisit& visit;
    std::exception_ptr thrown;
  } context{visit, nullptr};
  // libmnl is C: nothing may be thrown through it.
  const auto visit_header = [](const nlmsghdr* header, void* data) {
    auto& there = *static_cast<Context*>(data);
    try {
      there.visit({reinterpret_cast<const std::byte*>(header), header->nlmsg_len});
    } catch (...) {
      there.thrown = std::current_exception();
      return MNL_CB_STOP;
    }
    return MNL_CB_OK;
  };
  DumpReader reader{socket.get()};
  for (;;) {
    const DumpReader::Piece& piece = reader.next();
    if (piece.got <= 0) throw DumpError("read the conntrack table", piece.cause, "try again");
    const int result = mnl_cb_run(piece.bytes.data(), static_cast<size_t>(piece.got), 0,
                                  mnl_socket_get_portid(socket.get()), visit_header, &context);
    if (context.thrown) std::rethrow_exception(context.thrown);
    if (result < 0) {
      throw DumpError("read the conntrack table", errno,
                      "needs CAP_NET_ADMIN and the module nf_conntrack_netlink");
    }
    if (result == MNL_CB_STOP) return;
  }
}

std::optional<uint64_t> count_buckets() {
  return read_number("/proc/sys/net/netfilter/nf_conntrack_buckets");
}

}  // namespace natledger
