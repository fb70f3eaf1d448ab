// SPDX-License-Identifier: GPL-2.0-or-later
// What an enricher adds to a flow: values of keys that the field table names.
#pragma once

#include <array>
#include <cstdint>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <variant>

#include "base/error.h"
#include "base/ip_address.h"

namespace natledger {

struct Field;

// One value, or an array of up to kMost.
template <class T>
struct Few {
  static constexpr size_t kMost = 2;
  std::array<T, kMost> items{};
  uint8_t size = 0;

  void add(const T& item) {
    check(size < kMost, "an annotation holds two values at most");
    items[size++] = item;
  }
  std::span<const T> view() const { return {items.data(), size}; }
};

// A text must outlive the flow's encoding: a constant, or the enricher's own. At most
// kMostAnnotationText bytes; it need not be UTF-8.
inline constexpr size_t kMostAnnotationText = 64;
using AnnotationValue =
    std::variant<int64_t, std::string_view, IpAddress, Endpoint, Few<uint64_t>, Few<Endpoint>>;

struct Annotation {
  const Field* field;
  AnnotationValue value;
};

// A fixed array, so that a flow needs no allocation; its unused part is never written, so that a
// flow is cheap to make anew.
class Annotations {
 public:
  static constexpr size_t kMost = 24;

  Annotations() {}
  Annotations(const Annotations& other) { *this = other; }
  Annotations& operator=(const Annotations& other) {
    size_ = other.size_;
    for (size_t i = 0; i < size_; ++i) slots_[i].value = other.slots_[i].value;
    return *this;
  }

  template <class Value>
  void add(const Field& field, const Value& value) {
    check(size_ < kMost, "too many annotations on one flow");
    new (&slots_[size_++].value) Annotation{&field, value};
  }
  size_t size() const { return size_; }
  const Annotation& operator[](size_t i) const { return slots_[i].value; }

 private:
  static_assert(std::is_trivially_copyable_v<Annotation>);
  union Slot {
    Slot() {}
    Annotation value;
  };

  std::array<Slot, kMost> slots_;
  size_t size_ = 0;
};

}  // namespace natledger
