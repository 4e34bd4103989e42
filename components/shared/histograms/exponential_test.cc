#include "components/shared/histograms/exponential.h"
#include "components/shared/histograms/signed_exponential.h"

#include <doctest/doctest.h>

#include <cmath>

#include "base/rng.h"

using weir::histograms::Exponential;

TEST_CASE("exponential histogram: a bucket includes its upper bound") {
  struct { double value; std::int32_t scale, index; } const rows[] = {
      {1, 0, -1}, {1.5, 0, 0}, {2, 0, 0}, {2.1, 0, 1}, {4, 0, 1}, {4, -1, 0}, {5, -1, 1}, {0.25, -1, -2}, {1e-320, 0, -1023}, {0x1p-1022, 0, -1023},
      {1, 3, -1}, {2, 3, 7}, {1.0905, 3, 0}, {1.0906, 3, 1}, {4, 20, (2 << 20) - 1}, {0x1p-1022, 1, -2045}, {std::numeric_limits<double>::max(), 20, (1024 << 20) - 1}};
  for (auto& row : rows) {
    CAPTURE(row.value);
    CAPTURE(row.scale);
    CHECK(Exponential::index(row.value, row.scale) == row.index);
  }
}

TEST_CASE("exponential histogram: becomes coarser when a value does not fit") {
  Exponential h(4);
  h.add(1.5);
  CHECK(h.scale() == 20);
  h.add(1.6);
  h.add(0);
  h.add(100, 2);
  // 1.5 and 1.6 are in (1, 4], 100 is in (64, 256].
  CHECK(h.scale() == -1);
  CHECK(h.offset() == 0);
  CHECK(h.buckets() == std::vector<std::uint64_t>{2, 0, 0, 2});
  CHECK(h.count() == 5);
  CHECK(h.zero_count() == 1);
  CHECK(h.sum() == doctest::Approx(203.1));
}

TEST_CASE("exponential histogram: what is hostile stays small") {
  Exponential h(2);
  h.add(-1), h.add(std::nan("")), h.add(std::numeric_limits<double>::infinity()), h.add(5e-324);
  CHECK(h.count() == 3);
  CHECK(h.zero_count() == 1);
  CHECK(h.buckets().size() == 2);
}

TEST_CASE("exponential histogram: parts merge into what one would have counted") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    weir::Rng rng(seed);
    auto size = static_cast<std::uint32_t>(2 + rng.below(40));
    Exponential whole(size), merged(size);
    std::vector<Exponential> parts(1 + rng.below(4), Exponential(size));
    for (std::size_t i = rng.below(60); i-- > 0;) {
      double value = rng.below(10) == 0 ? 0 : std::ldexp(1 + static_cast<double>(rng.below(1000)) / 1000, static_cast<int>(rng.below(12)) - 6);
      whole.add(value);
      parts[rng.below(parts.size())].add(value);
    }
    for (auto& part : parts) merged.merge(part);
    CAPTURE(seed);
    REQUIRE(merged.scale() == whole.scale());
    REQUIRE(merged.offset() == whole.offset());
    REQUIRE(merged.buckets() == whole.buckets());
    REQUIRE(merged.count() == whole.count());
    REQUIRE(merged.zero_count() == whole.zero_count());
    REQUIRE(merged.sum() == doctest::Approx(whole.sum()));
  }
}

TEST_CASE("exponential histogram: both signs have one scale") {
  using namespace weir;
  histograms::SignedExponential histogram(4);
  for (double value : {-1.0, -3.0, 0.0, 1.0, 100.0}) histogram.add(value, 2);
  Arena arena;
  otlp::DataPoint point;
  histogram.write(arena, point);
  CHECK(point.count == 10);
  CHECK(point.zero_count == 2);
  CHECK(point.sum == 194);
  CHECK(point.min == -3);
  CHECK(point.max == 100);
  CHECK(point.scale == -2);
  std::vector<std::uint64_t> negative(point.negative.counts.begin(), point.negative.counts.end()), positive(point.positive.counts.begin(), point.positive.counts.end());
  CHECK(point.negative.offset == -1);
  CHECK(negative == std::vector<std::uint64_t>{2, 2});
  CHECK(point.positive.offset == -1);
  CHECK(positive == std::vector<std::uint64_t>{2, 0, 2});
}
