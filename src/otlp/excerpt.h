#pragma once
// Looks at items without keeping what was decoded of them.
#include "otlp/batch.h"

namespace weir::otlp {

// What it decodes lies in a place that the next call uses again. T: what the items are.
template <class T>
class ExcerptReader {
 public:
  // The item itself when it is decoded already, otherwise one that has as much of it as is asked for.
  Item& look(Item& item, const Excerpt& excerpt) {
    if (item.message != nullptr) return item;
    clear();
    has_fields_ = decode(item.raw, arena_, message_, excerpt);
    item_.raw = item.raw;
    item_.message = &message_;
    item_.points = item.points;
    return item_;
  }

 private:
  // Only what was written: messages are large.
  void clear() {
    arena_.reset();
    if (has_fields_) message_ = T{};
    if constexpr (requires { message_.attributes; }) message_.attributes = {};
  }

  Arena arena_;
  T message_;
  bool has_fields_ = false;
  Item item_;
};

}  // namespace weir::otlp
