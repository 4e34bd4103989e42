#include "components/shared/prometheus_translation/native.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::prometheus;

namespace {

otlp::DataPoint exponential(Arena& arena, std::int32_t scale, std::int32_t offset, std::vector<std::uint64_t> counts) {
  otlp::DataPoint p{.scale = scale};
  p.positive.offset = offset;
  for (auto n : counts) {
    p.positive.counts.push_back(arena, n);
    p.count += n;
  }
  return p;
}

std::vector<std::uint64_t> absolute(const NativeBuckets& b) {
  std::vector<std::uint64_t> out;
  std::int64_t sum = 0;
  for (auto d : b.deltas) out.push_back(static_cast<std::uint64_t>(sum += d));
  return out;
}

}  // namespace

TEST_CASE("native histograms: small gaps are filled, long ones begin a span") {
  Arena arena;
  auto h = to_native(exponential(arena, 1, 0, {1, 0, 0, 2, 0, 0, 0, 5})).value();
  REQUIRE(h.positive.spans.size() == 2);
  CHECK(h.positive.spans[0].offset == 1);
  CHECK(h.positive.spans[0].length == 4);
  CHECK(h.positive.spans[1].offset == 3);
  CHECK(h.positive.spans[1].length == 1);
  CHECK(h.positive.deltas == std::vector<std::int64_t>{1, -1, 0, 2, 3});
  CHECK(h.zero_threshold == standard_zero_threshold);
  CHECK(h.schema == 1);
}

TEST_CASE("native histograms: scales above 8 become coarser, below -4 there is none") {
  Arena arena;
  auto h = to_native(exponential(arena, 10, -5, {1, 1, 1, 1, 1, 1, 1, 1})).value();  // -5 .. 2
  CHECK(h.schema == 8);
  CHECK(absolute(h.positive) == std::vector<std::uint64_t>{1, 4, 3});
  CHECK(h.positive.spans[0].offset == -1);
  CHECK_FALSE(to_native(exponential(arena, -5, 0, {1})).has_value());
}

TEST_CASE("native histograms: explicit buckets as custom ones, with what no bucket has above all bounds") {
  Arena arena;
  otlp::DataPoint p{.count = 10, .has_sum = true, .sum = 3};
  for (double b : {0.5, 1.0}) p.explicit_bounds.push_back(arena, b);
  for (std::uint64_t n : {2, 3, 4}) p.bucket_counts.push_back(arena, n);
  auto h = to_custom_buckets(p).value();
  CHECK(h.schema == custom_buckets_schema);
  CHECK(h.custom_bounds == std::vector<double>{0.5, 1.0});
  CHECK(absolute(h.positive) == std::vector<std::uint64_t>{2, 3, 5});
  CHECK(h.positive.spans[0].offset == 0);
  CHECK(h.count == 10);
  p.explicit_bounds[1] = 0.5;
  CHECK_FALSE(to_custom_buckets(p).has_value());
}

TEST_CASE("native histograms: spans back to a range, within limits") {
  std::vector<NativeSpan> spans{{-2, 2}, {3, 1}};
  std::vector<std::uint64_t> counts{1, 2, 3};
  auto range = to_range(spans, counts, 100).value();
  CHECK(range.offset == -2);
  CHECK(range.counts == std::vector<std::uint64_t>{1, 2, 0, 0, 0, 3});
  CHECK_FALSE(to_range(spans, counts, 5).has_value());
  counts.push_back(1);
  CHECK_FALSE(to_range(spans, counts, 100).has_value());
  spans.push_back({INT32_MAX, 1});
  CHECK_FALSE(to_range(spans, counts, 100).has_value());
  spans.back() = {-1, 1};
  CHECK_FALSE(to_range(spans, counts, 100).has_value());
  CHECK(to_range({}, {}, 1).value().counts.empty());
}
