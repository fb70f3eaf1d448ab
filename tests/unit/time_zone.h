// SPDX-License-Identifier: GPL-2.0-or-later
// A time zone for the length of a scope; UTC after it.
#pragma once

#include <stdlib.h>
#include <time.h>

#include <string>

namespace natledger {

class TimeZone {
 public:
  explicit TimeZone(const std::string& name) { use(name); }
  ~TimeZone() { use("UTC"); }
  TimeZone(const TimeZone&) = delete;
  TimeZone& operator=(const TimeZone&) = delete;

 private:
  static void use(const std::string& name) {
    ::setenv("TZ", name.c_str(), 1);
    ::tzset();
  }
};

}  // namespace natledger
