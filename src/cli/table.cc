// SPDX-License-Identifier: GPL-2.0-or-later
// The kernel's table: records where a program reads, columns where a person does.
#include <unistd.h>

#include <algorithm>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "agent/table_view.h"
#include "base/error.h"
#include "cli/options.h"
#include "flow/translation.h"
#include "kernel/conntrack_table.h"
#include "ledger/record_sink.h"

namespace natledger {

std::function<int()> add_table(CLI::App& app);

namespace {

constexpr size_t kFlushAt = 256 * 1024;

struct TableOptions {
  CommonOptions common;
  RecordOptions record;
  bool human = false;
};

std::string state_text(const Flow& flow) {
  if (flow.tcp_state != 0) return std::string{tcp_state_name(flow.tcp_state)};
  if (flow.sctp_state != 0) return std::string{sctp_state_name(flow.sctp_state)};
  return "-";
}

// What the outside sees instead of what the inside sent, empty where nothing is translated.
std::string translation_text(const Flow& flow) {
  const Translation translation = translation_of(flow);
  std::string text;
  if (translation.of_source) text = "source as " + endpoint_text(translation.outer_source);
  if (translation.of_target) {
    text +=
        (text.empty() ? "" : ", ") + ("destination is " + endpoint_text(translation.real_target));
  }
  return text;
}

std::string details_text(const Flow& flow) {
  std::string text;
  if (flow.has_counters) {
    text += fmt::format("  {}/{} packets {}/{} bytes", flow.orig.packets, flow.reply.packets,
                        flow.orig.bytes, flow.reply.bytes);
  }
  const StatusNames status = status_names(flow.status);
  const auto names = status.view();
  const bool replied = std::find(names.begin(), names.end(), "seen_reply") != names.end();
  if (!replied) text += "  unreplied";
  for (const std::string_view name : names) {
    if (name != "seen_reply") text += fmt::format("  {}", name);
  }
  if (is_offloaded(flow.status)) text += "  offloaded";
  if (flow.mark != 0) text += fmt::format("  mark={}", flow.mark);
  if (flow.zone != 0) text += fmt::format("  zone={}", flow.zone);
  if (flow.helper.bytes != 0) text += fmt::format("  helper={}", flow.helper.view());
  return text + fmt::format("  id={}", flow.id);
}

std::string human_text(const Flow& flow) {
  const std::string translation = translation_text(flow);
  return fmt::format("{:<9} {:<11} {:>6} {} -> {}{}{}\n", transport_text(flow.orig.protocol),
                     state_text(flow), flow.has_timeout ? fmt::format("{}s", flow.timeout_s) : "-",
                     endpoint_text(source_of(flow.orig)), endpoint_text(target_of(flow.orig)),
                     translation.empty() ? "" : fmt::format("  [{}]", translation),
                     details_text(flow));
}

int run_table(const TableOptions& options) {
  const Config config = options.common.load();
  StreamSink sink{STDOUT_FILENO, "table"};
  const auto enrichers = make_enrichers(config);
  const auto encoder =
      make_encoder(options.record.kind(), options.record.encoding(config, sink.id_prefix()));
  const uint64_t not_understood = visit_table(dump_table, sink, [&](Flow& flow) {
    if (options.human) {
      sink.append(human_text(flow));
    } else {
      for (const auto& enricher : enrichers) enricher->enrich(flow);
      sink.append(encoder->encode(flow));
    }
    if (sink.kept_bytes() >= kFlushAt) sink.flush();
  });
  sink.flush();
  if (not_understood == 0) return 0;
  fmt::print(stderr, "natledger: {} entries were not understood\n", not_understood);
  return 1;
}

}  // namespace

std::function<int()> add_table(CLI::App& app) {
  const auto options = std::make_shared<TableOptions>();
  options->common.add_to(app);
  options->record.add_to(app);
  const CLI::Option* record = app.get_option("--record");
  app.add_flag("--human", options->human, "columns for a person (default on a terminal)");
  return [options, record] {
    if (record->count() == 0 && ::isatty(STDOUT_FILENO) == 1) options->human = true;
    return run_table(*options);
  };
}

}  // namespace natledger
