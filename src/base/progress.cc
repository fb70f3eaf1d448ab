// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/progress.h"

#include <unistd.h>

#include <cstdio>

namespace natledger {

namespace {

constexpr Duration kPatience = std::chrono::seconds{2};
constexpr Duration kRedraw = std::chrono::milliseconds{200};
constexpr int kBarCells = 30;
constexpr unsigned kCallsPerLook = 1024;

}  // namespace

Progress::Progress(std::string what)
    : what_(std::move(what)), shown_(::isatty(STDERR_FILENO) == 1), started_(now()) {}

Progress::~Progress() {
  if (drawn_.known()) std::fputs("\r\033[K", stderr);
}

void Progress::update(uint64_t done, uint64_t total) {
  if (++calls_ % kCallsPerLook == 0) show(done, total);
}

void Progress::show(uint64_t done, uint64_t total) {
  if (!shown_) return;
  const TimePoint at = now();
  if (at < started_ + kPatience || at < drawn_ + kRedraw) return;
  drawn_ = at;
  draw(done, total);
}

void Progress::draw(uint64_t done, uint64_t total) {
  if (total == 0) {
    std::fprintf(stderr, "\r%s: %llu\033[K", what_.c_str(), static_cast<unsigned long long>(done));
    return;
  }
  const double part = static_cast<double>(done) / static_cast<double>(total);
  const int cells = static_cast<int>(part * kBarCells);
  std::string bar(static_cast<size_t>(kBarCells), ' ');
  for (int i = 0; i < cells && i < kBarCells; ++i) bar[static_cast<size_t>(i)] = '=';
  std::fprintf(stderr, "\r%s [%s] %3.0f %%\033[K", what_.c_str(), bar.c_str(), 100 * part);
}

}  // namespace natledger
