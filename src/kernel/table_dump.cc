// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/table_dump.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <exception>
#include <vector>

#include <libmnl/libmnl.h>

#include "base/error.h"
#include "base/file.h"
#include "base/handle.h"

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

}  // namespace

void dump_table(const MessageVisit& visit) {
  const MnlSocket socket = open_socket();
  request_dump(socket.get());
  std::vector<char> buffer(kBufferBytes);
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
  for (;;) {
    const ssize_t bytes = mnl_socket_recvfrom(socket.get(), buffer.data(), buffer.size());
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) throw DumpError("read the conntrack table", errno, "try again");
    const int result = mnl_cb_run(buffer.data(), static_cast<size_t>(bytes), 0,
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
