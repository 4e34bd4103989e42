#include "base/pages.h"

#include <doctest/doctest.h>
#include <sys/mman.h>

#include <cstdint>

using weir::Pages;

TEST_CASE("pages are zero, whole, and can be written to their end") {
  for (std::size_t bytes : {std::size_t{1}, std::size_t{4096}, std::size_t{5000}, Pages::huge_bytes - 1, Pages::huge_bytes, Pages::huge_bytes + 1}) {
    CAPTURE(bytes);
    Pages pages(bytes);
    CHECK(pages.bytes() >= bytes);
    CHECK(pages.bytes() < bytes + (bytes <= Pages::huge_bytes ? 4096 : Pages::huge_bytes));
    if (bytes >= Pages::huge_bytes) CHECK(reinterpret_cast<std::uintptr_t>(pages.data()) % Pages::huge_bytes == 0);
    for (std::size_t i : {std::size_t{0}, pages.bytes() / 2, pages.bytes() - 1}) {
      CHECK(pages.data()[i] == 0);
      pages.data()[i] = 1;
    }
  }
}

TEST_CASE("pages move, and none cost nothing") {
  Pages none, some(100);
  CHECK(none.bytes() == 0);
  char* at = some.data();
  none = std::move(some);
  CHECK(none.data() == at);
  Pages other(std::move(none));
  CHECK(other.data() == at);
  CHECK(none.data() == nullptr);
  CHECK(none.bytes() == 0);
}

TEST_CASE("memory is there before it is touched, and what was written stays") {
  constexpr std::size_t page = 4096, pages = 8;
  weir::Pages memory(pages * page);
  memory.data()[2 * page] = 'x';
  weir::populate(memory.data() + page + 100, 5 * page);  // in six pages
  CHECK(memory.data()[2 * page] == 'x');
  unsigned char resident[pages];
  REQUIRE(::mincore(memory.data(), pages * page, resident) == 0);
  if (::madvise(memory.data() + page, page, MADV_POPULATE_WRITE) != 0) return;  // not on this kernel
  for (std::size_t i = 0; i < pages; ++i) CHECK((resident[i] & 1) == (i >= 1 && i <= 6));
}
