#include "base/pages.h"

#include <sys/mman.h>

#include <cstdint>

#include "base/result.h"

namespace weir {
namespace {

std::size_t rounded(std::size_t bytes, std::size_t to) { return (bytes + to - 1) / to * to; }

char* map(std::size_t bytes) {
  void* at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  WEIR_CHECK(at != MAP_FAILED, "no memory for {} bytes", bytes);
  return static_cast<char*>(at);
}

// So that it begins where a huge page can.
char* map_aligned(std::size_t bytes, std::size_t alignment) {
  char* at = map(bytes + alignment);
  char* begin = at + (alignment - reinterpret_cast<std::uintptr_t>(at) % alignment) % alignment;
  char *end = begin + bytes, *all = at + bytes + alignment;
  if (begin != at) ::munmap(at, static_cast<std::size_t>(begin - at));
  if (end != all) ::munmap(end, static_cast<std::size_t>(all - end));
  return begin;
}

}  // namespace

Pages::Pages(std::size_t bytes) : bytes_(rounded(bytes, bytes < huge_bytes ? 4096 : huge_bytes)) {
  if (bytes_ == 0) return;
  if (bytes_ < huge_bytes) {
    data_ = map(bytes_);
    return;
  }
  data_ = map_aligned(bytes_, huge_bytes);
  ::madvise(data_, bytes_, MADV_HUGEPAGE);  // a system without them says no: small ones do too
}

Pages::~Pages() {
  if (data_) ::munmap(data_, bytes_);
}

void populate(void* at, std::size_t bytes) {
  constexpr std::uintptr_t page = 4096;
  std::uintptr_t begin = reinterpret_cast<std::uintptr_t>(at) / page * page;
  ::madvise(reinterpret_cast<void*>(begin), reinterpret_cast<std::uintptr_t>(at) + bytes - begin, MADV_POPULATE_WRITE);  // before Linux 5.14: no
}

}  // namespace weir
