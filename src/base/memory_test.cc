#include "base/memory.h"

#include <doctest/doctest.h>

#include <vector>

using namespace weir;

TEST_CASE("resident memory is what the process has touched, below what there is") {
  std::size_t before = resident_memory();
  CHECK(before > 1 << 20);
  std::vector<char> touched(64 << 20, 1);
  CHECK(resident_memory() > before + (touched.size() / 2));
  CHECK(resident_memory() < total_memory());
}
