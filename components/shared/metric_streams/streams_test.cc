#include "components/shared/metric_streams/streams.h"

#include <doctest/doctest.h>

#include "components/shared/metric_streams/stored_point.h"
#include "engine/testing.h"

using namespace weir;
using namespace weir::metric_streams;
using otlp::MetricType;

namespace {

struct Number {
  int value = 0;
  std::size_t bytes() const { return 100; }
};

otlp::DataPoint number(double v) { return {.time_unix_nano = 5, .type = otlp::NumberType::real, .real = v}; }

}  // namespace

TEST_CASE("metric streams: a series is the same whatever the order of attributes, and another with another type") {
  Arena arena;
  auto id = [&](std::vector<std::pair<std::string_view, std::string_view>> attributes, MetricType type) {
    otlp::Attributes all;
    for (auto& [k, v] : attributes) all.push_back(arena, {k, otlp::Value::of(v)});
    StreamHasher hasher;
    hasher.resource({});
    hasher.scope({});
    hasher.metric({.name = "m", .type = type});
    return hasher.point(all);
  };
  CHECK(id({{"a", "1"}, {"b", "2"}}, MetricType::sum) == id({{"b", "2"}, {"a", "1"}}, MetricType::sum));
  CHECK_FALSE(id({{"a", "1"}, {"b", "2"}}, MetricType::sum) == id({{"a", "2"}, {"b", "1"}}, MetricType::sum));
  CHECK_FALSE(id({{"a", "1"}}, MetricType::sum) == id({{"a", "1"}}, MetricType::gauge));
}

TEST_CASE("metric streams: a point without a value adds nothing") {
  StoredPoint sum = StoredPoint::of(MetricType::sum, {.time_unix_nano = 1, .type = otlp::NumberType::integer, .integer = 7});
  add(sum, StoredPoint::of(MetricType::sum, {.time_unix_nano = 2, .flags = 1}), MetricType::sum);
  CHECK(sum.type == otlp::NumberType::integer);
  CHECK(sum.integer == 7);
  CHECK(sum.time == 2);
}

TEST_CASE("metric streams: series of one metric have a limit of their own") {
  engine::testing::TestHost host;
  io::Simulation simulation(1, 1);
  Rng rng(1);
  engine::StageContext context{.id = {"x", ""}, .pipeline = "metrics", .executor = *simulation.executors()[0], .rng = rng, .host = host};
  Streams<Number> one({100, 2}, context), two({100, 2}, context);
  TimePoint now{};
  CHECK(one.add({1, 1}, 7, now));
  CHECK(two.add({2, 2}, 7, now));
  CHECK_FALSE(one.add({3, 3}, 7, now));
  CHECK(one.add({3, 3}, 8, now));
  one.remove({1, 1});
  CHECK(two.add({4, 4}, 7, now));
}

TEST_CASE("metric streams: bounded in number over all cores, and by memory; what is not seen is forgotten") {
  engine::testing::TestHost host;
  io::Simulation simulation(1, 1);
  Rng rng(1);
  engine::StageContext context{.id = {"x", ""}, .pipeline = "metrics", .executor = *simulation.executors()[0], .rng = rng, .host = host};
  Streams<Number> one({3}, context), two({3}, context);
  TimePoint now{};
  CHECK(one.add({1, 1}, 7, now));
  CHECK(two.add({1, 1}, 7, now));
  CHECK(one.add({2, 2}, 7, now));
  CHECK_FALSE(one.add({3, 3}, 7, now));
  one.account({1, 1});
  std::size_t used = host.budget().used();
  CHECK(used > 100);
  now += 10s;
  CHECK(one.find({2, 2}, now) != nullptr);
  now += 10s;
  CHECK(one.expire(now, 15s, 100));
  CHECK(one.size() == 1);
  CHECK(one.find({1, 1}, now) == nullptr);
  CHECK(two.add({4, 4}, 7, now));
  CHECK(host.budget().used() < used);
  host.limit_memory(1);
  CHECK_FALSE(one.add({5, 5}, 7, now));
}

TEST_CASE("stored points: sums, differences and resets of all kinds") {
  Arena arena;
  auto a = StoredPoint::of(MetricType::sum, number(2)), b = StoredPoint::of(MetricType::sum, number(5));
  CHECK_FALSE(is_reset(a, b, MetricType::sum));
  CHECK(is_reset(b, a, MetricType::sum));
  add(a, b, MetricType::sum);
  CHECK(a.real == 7);
  otlp::DataPoint h{.count = 3, .has_sum = true, .sum = 4};
  h.explicit_bounds.push_back(arena, 1);
  h.bucket_counts.push_back(arena, 1);
  h.bucket_counts.push_back(arena, 2);
  auto c = StoredPoint::of(MetricType::histogram, h), d = StoredPoint::of(MetricType::histogram, h);
  add(c, d, MetricType::histogram);
  CHECK(c.parts->counts == std::vector<std::uint64_t>{2, 4});
  CHECK(is_reset(c, d, MetricType::histogram));
  CHECK(subtract(c, d, MetricType::histogram));
  CHECK(c.parts->sum.count == 3);
  CHECK(c.parts->counts == std::vector<std::uint64_t>{1, 2});
  otlp::DataPoint e{.count = 2, .has_sum = true, .sum = 4, .scale = 1};
  e.positive.counts.push_back(arena, 2);
  auto f = StoredPoint::of(MetricType::exponential_histogram, e), g = StoredPoint::of(MetricType::exponential_histogram, e);
  e.scale = 0;
  add(f, StoredPoint::of(MetricType::exponential_histogram, e), MetricType::exponential_histogram);
  CHECK(f.parts->sum.scale == 0);
  CHECK(f.parts->sum.count == 4);
  CHECK_FALSE(is_reset(g, f, MetricType::exponential_histogram));
  CHECK(subtract(f, g, MetricType::exponential_histogram));
  CHECK(f.parts->sum.count == 2);
  CHECK(f.parts->sum.positive.total() == 2);
  CHECK(is_reset(f, g, MetricType::exponential_histogram));
}
