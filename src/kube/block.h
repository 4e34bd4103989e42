#pragma once
// Where a decoder puts the parts of an object before it becomes one block.
#include <cstring>

#include "base/arena.h"
#include "kube/compact.h"

namespace weir::kube {

class Layout {
 public:
  explicit Layout(Arena& scratch) : scratch_(scratch) {}
  std::string_view copy(std::string_view text) { return scratch_.copy(text); }
  template <class T>
  std::span<T> array(std::size_t n) {
    if (n == 0) return {};
    T* to = scratch_.array<T>(n);
    for (std::size_t i = 0; i < n; ++i) new (to + i) T{};
    return {to, n};
  }

 private:
  Arena& scratch_;
};

template <class Fill>
ObjectPtr make_object(Arena& scratch, Fill fill) {
  scratch.reset();
  Layout layout(scratch);
  Object object;
  fill(layout, object);
  return compact(object);
}

}  // namespace weir::kube
