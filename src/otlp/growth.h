#pragma once
// What a stage adds to the items of a batch is bounded and paid for while it is added. A text stands once in memory and is written out for each
// item that refers to it: half a megabyte with a long text in its resource becomes gigabytes when a statement copies that into each span.
#include "otlp/batch.h"

namespace weir::otlp {

// Of one batch, as long as a stage changes it. One core.
class Growth {
 public:
  explicit Growth(Batch& batch) : batch_(batch), arena_(batch.arena()), arena_before_(arena_.footprint()), next_check_(step) {}

  // After a change to an item, resource or scope; before the next one is changed. T: what the item is. False: the batch has to go.
  template <class T>
  [[nodiscard]] bool add(const Item& item) {
    if (item.dirty) add(encoded_size_at_most(*static_cast<const T*>(item.message)), item.raw.size());
    return fits();
  }
  template <class T>
  [[nodiscard]] bool add(Lazy<T>& message) {
    if (message.dirty()) add(encoded_size_at_most(message.read(arena_)), message.raw().size());
    return fits();
  }
  // For bytes that a stage wrote.
  [[nodiscard]] bool add(std::size_t bytes) {
    referred_ += bytes;
    return fits();
  }
  // Why false was returned: refused when there may be room later, too_large when there never is.
  Error error() const;

 private:
  // Once in so many bytes the budget is looked at.
  static constexpr std::size_t step = 1024 * 1024;
  static constexpr std::size_t usual = 512;  // what an item may grow by without being counted

  void add(std::size_t size, std::size_t before) {
    if (size > before + usual) referred_ += size - before;
  }
  std::size_t grown() const { return referred_ + arena_.footprint() - arena_before_; }
  bool fits() { return grown() < next_check_ || pay(); }
  bool pay();

  Batch& batch_;
  Arena& arena_;
  std::size_t arena_before_;
  std::size_t referred_ = 0;  // bytes that will be written out
  std::size_t paid_ = 0;      // of them
  std::size_t next_check_;
  bool never_ = false;
};

}  // namespace weir::otlp
