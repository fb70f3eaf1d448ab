// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/reload.h"

#include <stdexcept>
#include <utility>

#include "agent/agent.h"
#include "base/error.h"
#include "base/list_text.h"
#include "base/log.h"

namespace natledger {

std::vector<OptionChange> changes_between(const Config& present, const Config& wanted) {
  const std::vector<OptionRow> before = option_rows(present);
  const std::vector<OptionRow> after = option_rows(wanted);
  std::vector<OptionChange> changes;
  for (size_t i = 0; i < before.size(); ++i) {
    if (before[i].value == after[i].value) continue;
    changes.push_back({before[i].key, before[i].value, after[i].value, before[i].change});
  }
  return changes;
}

void refuse_fixed(const std::vector<OptionChange>& changes) {
  std::vector<std::string> fixed;
  for (const OptionChange& change : changes) {
    if (change.change == Change::kRestart) fixed.push_back(change.key);
  }
  if (fixed.empty()) return;
  throw ConfigError(list_text(fixed) + " cannot change while running; restart natledger");
}

Reload::Reload(ReloadParts parts, Config present)
    : parts_(std::move(parts)), present_(std::move(present)) {}

void Reload::run() {
  try {
    Config wanted = parts_.read();
    std::vector<std::string> texts;
    for (const OptionChange& change : take_over(wanted)) {
      texts.push_back(change.key + ": " + change.from + " -> " + change.to);
    }
    present_ = std::move(wanted);
    log_info("reload: " + (texts.empty() ? "no option has changed" : list_text(texts)));
  } catch (const std::runtime_error& refusal) {
    log_error("reload: " + std::string{refusal.what()} +
              " (the old configuration stays, all of it)");
  }
  parts_.after(present_);
}

std::vector<OptionChange> Reload::take_over(const Config& wanted) {
  std::vector<OptionChange> changes = changes_between(present_, wanted);
  refuse_fixed(changes);
  Reconfiguration next;
  next.enrichers = make_enrichers(wanted);
  next.observer = observer_name(wanted);
  next.encoder = make_record_encoder(wanted, parts_.ids);
  next.events = wanted.source.events;
  next.heartbeat = wanted.source.heartbeat;
  next.reconcile = wanted.source.reconcile;
  next.facts = parts_.check_kernel();
  const uint64_t epoch = parts_.socket.subscribe(wanted.source.events);
  next.epoch = epoch;
  next.applied = [&socket = parts_.socket, epoch] { socket.settle(epoch); };
  // From here on nothing is refused any more.
  if (wanted.source.receive_buffer != present_.source.receive_buffer) {
    parts_.socket.set_receive_buffer(wanted.source.receive_buffer);
    warn_of_receive_buffer(wanted, parts_.socket);
  }
  parts_.housekeeping.set_options(wanted.ledger);
  set_log_level(wanted.log.level);
  parts_.orders.reconfigure(std::move(next));
  return changes;
}

}  // namespace natledger
