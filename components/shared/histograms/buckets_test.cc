#include "components/shared/histograms/buckets.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::histograms;

namespace {

ExponentialSum made(std::int32_t scale, std::int32_t offset, std::vector<std::uint64_t> counts) {
  ExponentialSum out{.scale = scale, .has_sum = true, .positive = {offset, std::move(counts)}};
  out.count = out.positive.total();
  return out;
}

}  // namespace

TEST_CASE("buckets: coarser ones hold what the finer ones held") {
  Buckets b{-3, {1, 2, 3, 4, 5}};  // -3 -2 -1 0 1
  b.coarsen(1);
  CHECK(b.offset == -2);
  CHECK(b.counts == std::vector<std::uint64_t>{1, 5, 9});
  b.coarsen(60);
  CHECK(b.offset == -1);
  CHECK(b.counts == std::vector<std::uint64_t>{6, 9});
}

TEST_CASE("exponential sums: different scales and offsets meet at the coarser scale") {
  auto a = made(1, 0, {1, 1}), b = made(0, 3, {4});
  a.add(b);
  CHECK(a.scale == 0);
  CHECK(a.count == 6);
  CHECK(a.positive.offset == 0);
  CHECK(a.positive.counts == std::vector<std::uint64_t>{2, 0, 0, 4});
}

TEST_CASE("exponential sums: buckets far apart become coarser until they fit") {
  auto a = made(20, 0, {1}), b = made(20, 1'000'000, {1});
  a.add(b, 160);
  CHECK(a.positive.total() == 2);
  CHECK(a.positive.counts.size() <= 160);
  CHECK(a.scale < 20);
  Arena arena;
  otlp::DataPoint hostile;
  hostile.positive.offset = INT32_MAX;
  hostile.positive.counts.push_back(arena, 1);
  hostile.scale = INT32_MIN;
  auto c = made(5, INT32_MIN / 2, {1});
  c.add(ExponentialSum::of(hostile));
  CHECK(c.positive.total() == 2);
}

TEST_CASE("exponential sums: a wider zero bucket takes in what lies below it") {
  auto a = made(0, -2, {1, 2, 4});  // up to 1/2, 1, 2
  ExponentialSum b{.count = 1, .zero_count = 1, .zero_threshold = 1};
  a.add(b);
  CHECK(a.zero_count == 4);
  CHECK(a.positive.offset == 0);
  CHECK(a.positive.counts == std::vector<std::uint64_t>{4});
  CHECK(a.count == 8);
  CHECK_FALSE(a.has_sum);
}

TEST_CASE("exponential sums: a zero bucket that would cut a bucket takes it in") {
  auto a = made(0, -2, {1, 2, 4});  // up to 1/2, 1, 2
  ExponentialSum b{.count = 1, .zero_count = 1, .zero_threshold = 0.75};
  SUBCASE("in the narrower one") {
    a.add(b);
    CHECK(a.zero_count == 4);
  }
  SUBCASE("in the other one") {
    b.add(a);
    a = b;
    CHECK(a.zero_count == 4);
  }
  CHECK(a.zero_threshold == 1);
  CHECK(a.positive.offset == 0);
  CHECK(a.positive.counts == std::vector<std::uint64_t>{4});
}

TEST_CASE("exponential sums: an empty bucket may be cut by the zero bucket") {
  auto a = made(0, -2, {1, 0, 4});
  a.add(ExponentialSum{.count = 1, .zero_count = 1, .zero_threshold = 0.75});
  CHECK(a.zero_threshold == 0.75);
  CHECK(a.zero_count == 2);
  CHECK(a.count == 6);
}
