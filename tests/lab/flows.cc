// SPDX-License-Identifier: GPL-2.0-or-later
// Makes, deletes and counts entries in the conntrack table of its network namespace, without a
// packet.
//
// The kernel tells its listeners of each as of real traffic, as fast as the worst burst. Standard
// output is the log that tests take the truth from, a line for each entry that the kernel said it
// made or deleted:
//
//   made|deleted BEFORE_NS AFTER_NS NUMBER KIND PROTOCOL SOURCE ZONE
//
// The two times are CLOCK_REALTIME around the batch; what was done, was done between them.
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <libmnl/libmnl.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>

#include "base/error.h"
#include "base/handle.h"
#include "base/time.h"
#include "lab/flow_kinds.h"

namespace natledger {

namespace {

using Conntrack = Handle<nf_conntrack, nfct_destroy>;

constexpr size_t kMessageBytes = 1024;

struct FlowsOptions {
  std::string action;
  uint32_t count = 0;
  uint32_t first = 0;
  uint32_t live = 0;
  uint32_t batch = 100;
  uint32_t per_second = 0;
  bool mix = false;

  const FlowKind& kind_of(uint32_t number) const {
    return flow_kinds()[mix ? number % flow_kinds().size() : 0];
  }
};

struct Span {
  uint32_t begin, end;
};

class Generator {
 public:
  explicit Generator(const FlowsOptions& options)
      : options_(options), socket_(mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC)) {
    if (!socket_) throw SystemError("open netlink socket", errno);
    check_call("bind netlink socket", mnl_socket_bind(socket_.get(), 0, MNL_SOCKET_AUTOPID));
    const int buffer_bytes = 8 << 20;  // room for the answers to a whole batch
    check_call("enlarge the receive buffer",
               ::setsockopt(mnl_socket_get_fd(socket_.get()), SOL_SOCKET, SO_RCVBUFFORCE,
                            &buffer_bytes, sizeof buffer_bytes));
    int on = 1;
    mnl_socket_setsockopt(socket_.get(), NETLINK_CAP_ACK, &on, sizeof on);
  }

  void make(Span span) { run_batch(span, IPCTNL_MSG_CT_NEW); }
  void remove(Span span) { run_batch(span, IPCTNL_MSG_CT_DELETE); }
  uint64_t count_dumped();
  uint64_t refused() const { return refused_; }

 private:
  void run_batch(Span span, uint16_t type) {
    request_.resize((span.end - span.begin) * kMessageBytes);
    size_t bytes = 0;
    for (uint32_t number = span.begin; number < span.end; ++number) {
      bytes += put_message(request_.data() + bytes, number, type);
    }
    results_.assign(span.end - span.begin, ENODATA);
    const TimePoint before = now();
    check_call("send to ctnetlink",
               static_cast<int>(mnl_socket_sendto(socket_.get(), request_.data(), bytes)));
    for (size_t due = results_.size(); due > 0;) due -= read_answers(span);
    log(span, type, before, now());
  }

  size_t put_message(char* place, uint32_t number, uint16_t type) const {
    const bool making = type == IPCTNL_MSG_CT_NEW;
    const FlowKind& kind = options_.kind_of(number);
    nlmsghdr* header = mnl_nlmsg_put_header(place);
    header->nlmsg_type = static_cast<uint16_t>(NFNL_SUBSYS_CTNETLINK << 8 | type);
    header->nlmsg_flags =
        static_cast<uint16_t>(NLM_F_REQUEST | NLM_F_ACK | (making ? NLM_F_CREATE | NLM_F_EXCL : 0));
    header->nlmsg_seq = number;
    auto* family = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(nfgenmsg)));
    family->nfgen_family = kind.family;
    const Conntrack flow{nfct_new()};
    check(flow != nullptr, "no memory for a flow");
    fill_flow(kind, number, flow.get());
    nfct_nlmsg_build(header, flow.get());
    check(header->nlmsg_len <= kMessageBytes, "a flow's message is too long");
    return NLMSG_ALIGN(header->nlmsg_len);
  }

  // How many requests of `span` were answered.
  size_t read_answers(Span span) {
    const ssize_t got = mnl_socket_recvfrom(socket_.get(), answers_.data(), answers_.size());
    check_call("read ctnetlink's answers", static_cast<int>(got));
    size_t answered = 0;
    int left = static_cast<int>(got);
    for (auto* header = reinterpret_cast<nlmsghdr*>(answers_.data()); mnl_nlmsg_ok(header, left);
         header = mnl_nlmsg_next(header, &left)) {
      nlmsgerr answer{};
      std::memcpy(&answer, mnl_nlmsg_get_payload(header), sizeof answer);
      check(header->nlmsg_seq >= span.begin && header->nlmsg_seq < span.end, "a stray answer");
      results_[header->nlmsg_seq - span.begin] = -answer.error;
      ++answered;
    }
    return answered;
  }

  void log(Span span, uint16_t type, TimePoint before, TimePoint after) {
    const char* done = type == IPCTNL_MSG_CT_NEW ? "made" : "deleted";
    for (uint32_t number = span.begin; number < span.end; ++number) {
      const FlowKind& kind = options_.kind_of(number);
      const int refusal = results_[number - span.begin];
      if (refusal != 0) {
        if (++refused_ <= 3) {
          std::fprintf(stderr, "flow %u (%s) was not %s: %s\n", number, kind.name, done,
                       std::strerror(refusal));
        }
        continue;
      }
      std::printf("%s %lld %lld %u %s %u %s %u\n", done, static_cast<long long>(before.ns),
                  static_cast<long long>(after.ns), number, kind.name, kind.protocol,
                  source_text(kind, number).c_str(), kind.zone);
    }
    std::fflush(stdout);
  }

  const FlowsOptions options_;
  const Handle<mnl_socket, mnl_socket_close> socket_;
  std::vector<char> request_;
  std::vector<char> answers_ = std::vector<char>(256 * 1024);
  std::vector<int> results_;  // an errno value for each number of the batch
  uint64_t refused_ = 0;
};

// The barest loop over a dump of the table: what reading it costs at least.
uint64_t Generator::count_dumped() {
  nlmsghdr* header = mnl_nlmsg_put_header(answers_.data());
  header->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET;
  header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  mnl_nlmsg_put_extra_header(header, sizeof(nfgenmsg));
  check_call("ask for the table",
             static_cast<int>(mnl_socket_sendto(socket_.get(), header, header->nlmsg_len)));
  uint64_t entries = 0;
  for (;;) {
    const ssize_t got = mnl_socket_recvfrom(socket_.get(), answers_.data(), answers_.size());
    check_call("read the table", static_cast<int>(got));
    int left = static_cast<int>(got);
    for (auto* entry = reinterpret_cast<nlmsghdr*>(answers_.data()); mnl_nlmsg_ok(entry, left);
         entry = mnl_nlmsg_next(entry, &left)) {
      check(entry->nlmsg_type != NLMSG_ERROR, "the kernel refuses the dump");
      if (entry->nlmsg_type == NLMSG_DONE) return entries;
      ++entries;
    }
  }
}

int run_dump(const FlowsOptions& options) {
  const uint64_t entries = Generator{options}.count_dumped();
  std::printf("%llu\n", static_cast<unsigned long long>(entries));
  return entries == options.count ? 0 : 1;
}

// Batch after batch at the pace asked for; each deletion lags `live` flows behind.
int run_flows(const FlowsOptions& options) {
  Generator generator{options};
  const bool making = options.action != "delete";
  const bool deleting = options.action != "make";
  const uint32_t lag = making ? options.live : 0;
  const uint32_t rounds = options.count + (deleting ? lag : 0);
  const auto begin = std::chrono::steady_clock::now();
  // What of the rounds [from, to) falls upon flows, when these are `behind` rounds late.
  const auto flows_of = [&](uint32_t from, uint32_t to, uint32_t behind) {
    const auto clamp = [&](uint32_t round) {
      return options.first + (round <= behind ? 0 : std::min(round - behind, options.count));
    };
    return Span{clamp(from), clamp(to)};
  };
  for (uint32_t round = 0; round < rounds; round += options.batch) {
    const uint32_t to = std::min(round + options.batch, rounds);
    const Span made = flows_of(round, to, 0);
    const Span deleted = flows_of(round, to, lag);
    if (making && made.begin < made.end) generator.make(made);
    if (deleting && deleted.begin < deleted.end) generator.remove(deleted);
    if (options.per_second != 0) {
      std::this_thread::sleep_until(begin + std::chrono::nanoseconds{1'000'000'000} * to /
                                                options.per_second);
    }
  }
  if (generator.refused() == 0) return 0;
  std::fprintf(stderr, "the kernel refused %llu of the requests\n",
               static_cast<unsigned long long>(generator.refused()));
  return 1;
}

}  // namespace

}  // namespace natledger

int main(int argc, char** argv) {
  natledger::FlowsOptions options;
  CLI::App app{"Makes and deletes conntrack entries, and says which on standard output."};
  app.add_option("ACTION", options.action, "make, delete, churn: both; dump: count the table")
      ->check(CLI::IsMember({"make", "delete", "churn", "dump"}))
      ->required();
  app.add_option("COUNT", options.count, "how many flows")
      ->check(CLI::Range(1U, 1U << 24))
      ->required();
  app.add_option("--first", options.first, "the number of the first flow");
  app.add_option("--live", options.live, "churn: delete a flow when so many newer ones are made");
  app.add_option("--batch", options.batch, "requests sent at once")->check(CLI::Range(1U, 1000U));
  app.add_option("--per-second", options.per_second, "flows made a second (default: all at once)");
  app.add_flag("--mix", options.mix, "of every kind in turn, rather than TCP with source NAT");
  CLI11_PARSE(app, argc, argv);
  try {
    return options.action == "dump" ? natledger::run_dump(options) : natledger::run_flows(options);
  } catch (const natledger::SystemError& error) {
    std::fprintf(stderr, "natledger_flows: %s\n", error.what());
    return 1;
  }
}
