// SPDX-License-Identifier: GPL-2.0-or-later
// Lines on their way to a file: written where the last one ended, dropped from the front.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace natledger {

class LineBuffer {
 public:
  // Where up to `bytes` may be written, until the next call.
  char* room(size_t bytes) {
    if (memory_.size() - end_ < bytes) memory_.resize(std::max(2 * memory_.size(), end_ + bytes));
    return memory_.data() + end_;
  }
  // What was written into the room ends here.
  void take(const char* end) { end_ = static_cast<size_t>(end - memory_.data()); }

  std::string_view kept() const { return {memory_.data() + begin_, size()}; }
  size_t size() const { return end_ - begin_; }
  void drop(size_t bytes) {
    begin_ += bytes;
    if (begin_ == end_) begin_ = end_ = 0;
  }

 private:
  std::string memory_;  // grows, and stays as long as it once had to be
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace natledger
