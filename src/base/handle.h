// SPDX-License-Identifier: GPL-2.0-or-later
// A C library's object with one owner: Handle<mnl_socket, mnl_socket_close>.
#pragma once

#include <memory>

namespace natledger {

template <auto kRelease>
struct Release {
  template <class T>
  void operator()(T* object) const {
    kRelease(object);
  }
};

template <class T, auto kRelease>
using Handle = std::unique_ptr<T, Release<kRelease>>;

}  // namespace natledger
