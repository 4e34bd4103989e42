#pragma once
// Memory straight from the system, for tables that are large, live long and are read at random.
#include <cstddef>
#include <utility>

namespace weir {

// Zero at first. From 2 MiB on in huge pages where the system has them: a look-up at random in small pages misses the TLB
// as well as the cache. Move-only.
class Pages {
 public:
  static constexpr std::size_t huge_bytes = std::size_t{2} << 20;

  Pages() = default;
  explicit Pages(std::size_t bytes);
  Pages(Pages&& o) noexcept : data_(std::exchange(o.data_, nullptr)), bytes_(std::exchange(o.bytes_, 0)) {}
  Pages& operator=(Pages&& o) noexcept {
    std::swap(data_, o.data_);
    std::swap(bytes_, o.bytes_);
    return *this;
  }
  ~Pages();

  char* data() const { return data_; }
  // What it costs: whole pages, touched or not.
  std::size_t bytes() const { return bytes_; }

 private:
  char* data_ = nullptr;
  std::size_t bytes_ = 0;
};

// Has the system provide, in one call instead of a fault for each page, memory that somebody is about to fill. What is in it stays.
void populate(void* at, std::size_t bytes);

}  // namespace weir
