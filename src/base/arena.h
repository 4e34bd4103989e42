#pragma once
// Bump allocator for what lives as long as a batch. Nothing is freed one by one and no destructor runs, so only
// trivially destructible types may live here. One core at a time.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/budget.h"

namespace weir {

class Arena {
 public:
  Arena() = default;
  // What it takes from the system is charged, over a limit too: who fills it saw to it that there is room.
  explicit Arena(Charge charge) : charge_(std::move(charge)) {}
  Arena(Arena&&) = default;
  Arena& operator=(Arena&&) = default;

  void* allocate(std::size_t size, std::size_t align) {
    auto at = (reinterpret_cast<std::uintptr_t>(next_) + align - 1) & ~(align - 1);
    if (next_ == nullptr || at + size > reinterpret_cast<std::uintptr_t>(end_)) [[unlikely]]
      return grow(size, align);
    next_ = reinterpret_cast<char*>(at + size);
    return reinterpret_cast<void*>(at);
  }

  template <class T, class... Args>
  T* make(Args&&... args) {
    static_assert(std::is_trivially_destructible_v<T>);
    return new (allocate(sizeof(T), alignof(T))) T{std::forward<Args>(args)...};
  }

  template <class T>
  T* array(std::size_t n) {
    static_assert(std::is_trivially_destructible_v<T>);
    return static_cast<T*>(allocate(sizeof(T) * n, alignof(T)));
  }

  std::string_view copy(std::string_view text) {
    if (text.empty()) return {};
    char* to = array<char>(text.size());
    std::memcpy(to, text.data(), text.size());
    return {to, text.size()};
  }

  // Forgets everything that was allocated; keeps the newest, largest chunk for what comes next, unless it is unusually large.
  void reset() {
    if (chunks_.empty()) return;
    if (last_ > max_chunk) {
      *this = Arena(charge_.another());
      return;
    }
    if (chunks_.size() > 1) {
      std::swap(chunks_.front(), chunks_.back());
      chunks_.resize(1);
      footprint_ = last_;
      charge_.shrink_to(last_);
    }
    next_ = chunks_.front().get();
  }

  // Bytes taken from the system, for the memory budget.
  std::size_t footprint() const { return footprint_; }

 private:
  void* grow(std::size_t size, std::size_t align) {
    // 4 KiB first (a small request needs little), doubling to 256 KiB.
    std::size_t want = std::max(size + align, chunks_.empty() ? 4096 : std::min<std::size_t>(last_ * 2, max_chunk));
    last_ = want;
    footprint_ += want;
    charge_.grow_unchecked(want);
    chunks_.push_back(std::make_unique_for_overwrite<char[]>(want));
    next_ = chunks_.back().get();
    end_ = next_ + want;
    return allocate(size, align);
  }

  static constexpr std::size_t max_chunk = 256 * 1024;
  char* next_ = nullptr;
  char* end_ = nullptr;
  std::size_t last_ = 0;
  std::size_t footprint_ = 0;
  Charge charge_;
  std::vector<std::unique_ptr<char[]>> chunks_;
};

// Growable array in an arena; what it outgrows stays behind until the arena goes. Trivial types only.
template <class T>
class ArenaVector {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  ArenaVector() = default;
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }
  T& back() { return data_[size_ - 1]; }
  const T& back() const { return data_[size_ - 1]; }
  std::span<const T> span() const { return {data_, size_}; }
  void clear() { size_ = 0; }
  void pop_back() { --size_; }
  void truncate(std::size_t n) { size_ = static_cast<std::uint32_t>(n); }

  T& push_back(Arena& arena, const T& value) {
    if (size_ == capacity_) reserve(arena, capacity_ ? capacity_ * 2 : 4);
    data_[size_] = value;
    return data_[size_++];
  }
  // Room for `more` behind what is there, so that adding little many times over takes no more than push_back() does.
  void reserve_more(Arena& arena, std::size_t more) {
    if (size_ + more > capacity_) reserve(arena, size_ == 0 ? more : std::max<std::size_t>(size_ + more, 2 * std::size_t{capacity_}));
  }
  void reserve(Arena& arena, std::size_t n) {
    if (n <= capacity_) return;
    T* grown = arena.array<T>(n);
    if (size_) std::memcpy(static_cast<void*>(grown), data_, size_ * sizeof(T));
    data_ = grown;
    capacity_ = static_cast<std::uint32_t>(n);
  }
  void erase(std::size_t i) {
    std::memmove(static_cast<void*>(data_ + i), data_ + i + 1, (size_ - i - 1) * sizeof(T));
    --size_;
  }
  // The first `n` elements, which leave this one. Nothing is copied: both use the same memory, each its own part of it.
  ArenaVector take_front(std::size_t n) {
    ArenaVector front;
    front.data_ = data_;
    front.size_ = front.capacity_ = static_cast<std::uint32_t>(n);
    data_ += n;
    size_ -= front.size_;
    capacity_ -= front.size_;
    return front;
  }
  template <class Pred>
  std::size_t erase_if(Pred pred) {
    std::uint32_t kept = 0;
    for (std::uint32_t i = 0; i < size_; ++i)
      if (!pred(data_[i])) {
        if (kept != i) data_[kept] = data_[i];
        ++kept;
      }
    std::size_t gone = size_ - kept;
    size_ = kept;
    return gone;
  }

 private:
  T* data_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = 0;
};

}  // namespace weir
