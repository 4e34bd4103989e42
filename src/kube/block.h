#pragma once
// Makes objects of one block: what is decoded is laid out once to learn its size, then once more where it stays.
#include <cstring>

#include "base/arena.h"
#include "kube/object.h"

namespace weir::kube {

class Layout {
 public:
  explicit Layout(Arena& scratch) : scratch_(&scratch) {}
  explicit Layout(char* block) : block_(block) {}

  std::string_view copy(std::string_view text) {
    if (text.empty()) return {};
    char* to = static_cast<char*>(allocate(text.size(), 1));
    std::memcpy(to, text.data(), text.size());
    return {to, text.size()};
  }
  template <class T>
  std::span<T> array(std::size_t n) {
    if (n == 0) return {};
    T* to = static_cast<T*>(allocate(sizeof(T) * n, alignof(T)));
    for (std::size_t i = 0; i < n; ++i) new (to + i) T{};
    return {to, n};
  }
  std::size_t size() const { return size_; }

 private:
  void* allocate(std::size_t size, std::size_t align) {
    size_ = (size_ + align - 1) & ~(align - 1);
    std::size_t at = size_;
    size_ += size;
    return block_ != nullptr ? block_ + at : scratch_->allocate(size, align);
  }
  Arena* scratch_ = nullptr;
  char* block_ = nullptr;
  std::size_t size_ = 0;
};

// `fill(Layout&, Object&)` must do the same both times.
template <class Fill>
ObjectPtr make_object(Arena& scratch, Fill fill) {
  scratch.reset();
  Layout measured(scratch);
  Object first;
  fill(measured, first);
  struct Holder {
    std::unique_ptr<char[]> block;
    Object object;
  };
  auto holder = std::make_shared<Holder>();
  holder->block = std::make_unique_for_overwrite<char[]>(measured.size());
  Layout real(holder->block.get());
  fill(real, holder->object);
  holder->object.bytes = measured.size() + sizeof(Holder);
  return ObjectPtr(holder, &holder->object);
}

}  // namespace weir::kube
