#include <doctest/doctest.h>

#include "ottl/testing.h"

namespace weir::ottl {
namespace {

using otlp::DataPoint;
using otlp::Metric;
using otlp::MetricType;
using otlp::NumberType;
using otlp::Temporality;

class MetricBench : public Bench {
 public:
  explicit MetricBench(MetricType type, ContextId context = ContextId::metric) : Bench(context, {.caller = Callers::transform}) {
    metric.name = "m";
    metric.unit = "ms";
    metric.description = "d";
    metric.type = type;
    if (type != MetricType::gauge && type != MetricType::summary) metric.temporality = Temporality::cumulative;
  }
  DataPoint& point(std::string_view attribute = "") {
    DataPoint out;
    out.time_unix_nano = 10;
    out.start_time_unix_nano = 5;
    DataPoint& added = metric.points.push_back(arena, out);
    if (!attribute.empty()) set(added.attributes, "a", attribute);
    return c.point = &added, added;
  }
  void number(std::string_view attribute, std::int64_t value) {
    DataPoint& p = point(attribute);
    p.type = NumberType::integer;
    p.integer = value;
  }
  void real(std::string_view attribute, double value) {
    DataPoint& p = point(attribute);
    p.type = NumberType::real;
    p.real = value;
  }
  DataPoint& histogram(std::vector<double> bounds, std::vector<std::uint64_t> counts) {
    DataPoint& p = point();
    for (double bound : bounds) p.explicit_bounds.push_back(arena, bound);
    for (auto count : counts) p.bucket_counts.push_back(arena, count), p.count += count;
    p.has_sum = true;
    p.sum = 100;
    return p;
  }
  const Metric& added() { return *static_cast<const Metric*>(group.scopes[0].items.back().message); }
  std::size_t metrics() { return group.scopes[0].items.size(); }
  static std::vector<std::uint64_t> counts(const DataPoint& p) { return {p.bucket_counts.begin(), p.bucket_counts.end()}; }
};

TEST_CASE("sums and gauges are turned into each other") {
  MetricBench b(MetricType::gauge);
  b.number("x", 3);
  CHECK(b.run({R"(convert_gauge_to_sum("delta", true))"}) == "");
  CHECK((b.metric.type == MetricType::sum && b.metric.temporality == Temporality::delta && b.metric.is_monotonic));
  CHECK(b.run({"convert_sum_to_gauge()"}) == "");
  CHECK((b.metric.type == MetricType::gauge && b.metric.temporality == Temporality::unspecified && !b.metric.is_monotonic));
  CHECK(b.metric.points.size() == 1);
  CHECK(b.run({R"(convert_gauge_to_sum("other", true))"}).find("unknown aggregation temporality: other") != std::string::npos);
  CHECK(Bench(ContextId::metric, {.caller = Callers::filter}).run({"convert_sum_to_gauge()"}).starts_with("config: "));
}

TEST_CASE("copy_metric shares nothing with the original") {
  MetricBench b(MetricType::gauge);
  b.number("x", 3);
  CHECK(b.run({R"(copy_metric(name="copy", unit=Concat(["s"], "")))", R"(set(description, "changed"))"}) == "");
  REQUIRE(b.metrics() == 2);
  CHECK(b.added().name == "copy");
  CHECK(b.added().unit == "s");
  CHECK(b.added().description == "d");
  b.metric.points[0].attributes[0].value = otlp::Value::of(std::int64_t{1});
  CHECK(b.added().points[0].attributes[0].value.text == "x");
  CHECK(b.c.items_changed);
}

TEST_CASE("summaries give sums and gauges") {
  MetricBench b(MetricType::summary, ContextId::datapoint);
  DataPoint& p = b.point("x");
  p.count = 4;
  p.sum = 2.5;
  p.quantiles.push_back(b.arena, {0.5, 7});
  CHECK(b.run({R"(convert_summary_count_val_to_sum("delta", true))"}) == "");
  CHECK((b.added().name == "m_count" && b.added().points[0].integer == 4 && b.added().temporality == Temporality::delta));
  CHECK(b.run({R"(convert_summary_sum_val_to_sum("cumulative", false, ".s"))"}) == "");
  CHECK((b.added().name == "m.s" && b.added().points[0].real == 2.5 && !b.added().is_monotonic));
  MetricBench q(MetricType::summary);
  q.point("x").quantiles.push_back(q.arena, {0.5, 7});
  CHECK(q.run({R"(convert_summary_quantile_val_to_gauge("q"))"}) == "");
  CHECK((q.added().name == "m.quantiles" && q.added().points[0].real == 7 && q.added().points[0].attributes.find("q")->real == 0.5));
}

TEST_CASE("counts and sums are extracted from histograms") {
  MetricBench b(MetricType::histogram);
  b.histogram({1}, {2, 3});
  CHECK(b.run({"extract_count_metric(true)"}) == "");
  CHECK((b.added().name == "m_count" && b.added().unit == "1" && b.added().points[0].integer == 5 && b.added().is_monotonic));
  CHECK(b.run({R"(extract_sum_metric(false, "_total"))"}) == "");
  CHECK((b.added().name == "m_total" && b.added().unit == "ms" && b.added().points[0].real == 100));
  b.metric.points[0].has_sum = false;
  CHECK(b.run({"extract_sum_metric(false)"}) == "");
  CHECK(b.metrics() == 3);
  MetricBench gauge(MetricType::gauge);
  CHECK(gauge.run({"extract_sum_metric(false)"}) == "extract_sum_metric requires an input metric of type Histogram, ExponentialHistogram or Summary, got Gauge");
}

TEST_CASE("scale_metric") {
  MetricBench b(MetricType::sum);
  b.number("x", 7);
  b.real("y", 1.5);
  CHECK(b.run({R"(scale_metric(0.5, "s"))"}) == "");
  CHECK((b.metric.points[0].integer == 3 && b.metric.points[1].real == 0.75 && b.metric.unit == "s"));
  MetricBench h(MetricType::histogram);
  h.histogram({1, 2}, {1, 1, 1});
  CHECK(h.run({"scale_metric(10.0)"}) == "");
  CHECK((h.metric.points[0].sum == 1000 && h.metric.points[0].explicit_bounds[1] == 20 && h.metric.unit == "ms"));
  CHECK(MetricBench(MetricType::exponential_histogram).run({"scale_metric(10.0)"}).find("exponential histograms") == 0);
}

TEST_CASE("aggregate_on_attributes joins points that are alike") {
  struct {
    std::string_view function;
    std::int64_t integer;
    double real;
  } const rows[] = {{"sum", 12, 12}, {"mean", 4, 4}, {"min", 1, 1}, {"max", 8, 8}, {"median", 3, 3}, {"count", 3, 3}};
  for (auto& row : rows) {
    CAPTURE(row.function);
    MetricBench b(MetricType::gauge), r(MetricType::gauge);
    for (int value : {3, 8, 1}) b.number(value == 3 ? "x" : "y", value), r.real("x", value);
    std::string statement = fmt::format("aggregate_on_attributes(\"{}\", [])", row.function);
    CHECK(b.run({statement}) == "");
    REQUIRE(b.metric.points.size() == 1);
    CHECK(b.metric.points[0].integer == row.integer);
    CHECK(b.metric.points[0].attributes.empty());
    CHECK(r.run({statement}) == "");
    CHECK(r.metric.points[0].real == row.real);
  }
  MetricBench b(MetricType::gauge);
  b.number("x", 3), b.number("y", 8), b.number("x", 1);
  CHECK(b.run({R"(aggregate_on_attributes("sum"))"}) == "");
  CHECK(b.metric.points.size() == 2);
  CHECK(b.run({R"(aggregate_on_attribute_value("max", "a", ["x", "z"], "y"))"}) == "");
  REQUIRE(b.metric.points.size() == 1);
  CHECK(b.metric.points[0].integer == 8);
  CHECK(b.group.scopes[0].items[0].points == 1);
  CHECK(b.run({R"(aggregate_on_attributes("most"))"}).find("invalid aggregation function") != std::string::npos);
  CHECK(MetricBench(MetricType::summary).run({R"(aggregate_on_attributes("sum"))"}) == "aggregate_on_attributes does not support aggregating Summary metrics");
}

TEST_CASE("points of delta sums are joined only with the same start") {
  MetricBench b(MetricType::sum);
  b.metric.temporality = Temporality::delta;
  b.number("x", 1), b.number("x", 2);
  b.metric.points[1].start_time_unix_nano = 6;
  CHECK(b.run({R"(aggregate_on_attributes("sum"))"}) == "");
  CHECK(b.metric.points.size() == 2);
  b.metric.temporality = Temporality::cumulative;
  CHECK(b.run({R"(aggregate_on_attributes("sum"))"}) == "");
  REQUIRE(b.metric.points.size() == 1);
  CHECK((b.metric.points[0].integer == 3 && b.metric.points[0].start_time_unix_nano == 5));
}

TEST_CASE("histograms are added up") {
  MetricBench b(MetricType::histogram);
  b.histogram({1, 2}, {1, 0, 2}), b.histogram({1, 2}, {1, 1, 0}), b.histogram({5}, {1, 1});
  CHECK(b.run({R"(aggregate_on_attributes("sum"))"}) == "");
  REQUIRE(b.metric.points.size() == 2);
  CHECK((b.metric.points[0].count == 5 && b.metric.points[0].sum == 200));
  CHECK(MetricBench::counts(b.metric.points[0]) == std::vector<std::uint64_t>{2, 1, 2});
}

TEST_CASE("exponential histograms are added up by the buckets' indexes") {
  MetricBench b(MetricType::exponential_histogram);
  auto add = [&](std::int32_t offset, std::vector<std::uint64_t> counts) {
    DataPoint& p = b.point();
    p.positive.offset = offset;
    p.positive.present = true;
    for (auto count : counts) p.positive.counts.push_back(b.arena, count), p.count += count;
  };
  add(2, {1, 2}), add(0, {5, 0, 7});
  CHECK(b.run({R"(aggregate_on_attributes("sum"))"}) == "");
  REQUIRE(b.metric.points.size() == 1);
  auto& positive = b.metric.points[0].positive;
  CHECK(positive.offset == 0);
  CHECK(std::vector<std::uint64_t>(positive.counts.begin(), positive.counts.end()) == std::vector<std::uint64_t>{5, 0, 8, 2});
  add(2'000'000'000, {1});
  CHECK(b.run({R"(aggregate_on_attributes("sum"))"}).find("cannot be aggregated") != std::string::npos);
}

TEST_CASE("convert_exponential_histogram_to_histogram") {
  auto converted = [](std::string_view how) {
    MetricBench b(MetricType::exponential_histogram);
    DataPoint& p = b.point("x");
    p.zero_count = 2;
    p.count = 12;
    p.positive.offset = 0;  // (1, 2], (2, 4], (4, 8]
    for (std::uint64_t count : {3, 3, 4}) p.positive.counts.push_back(b.arena, count);
    CHECK(b.run({fmt::format("convert_exponential_histogram_to_histogram(\"{}\", [0.0, 1.5, 3.0, 6.0])", how)}) == "");
    CHECK(b.metric.type == MetricType::histogram);
    CHECK(b.metric.points[0].explicit_bounds.size() == 4);
    return MetricBench::counts(b.metric.points[0]);
  };
  CHECK(converted("upper") == std::vector<std::uint64_t>{2, 0, 3, 3, 4});
  CHECK(converted("midpoint") == std::vector<std::uint64_t>{2, 3, 3, 4, 0});
  CHECK(converted("uniform") == std::vector<std::uint64_t>{2, 2, 3, 3, 2});
  auto random = converted("random");
  CHECK(random[0] == 2);
  CHECK(random[0] + random[1] + random[2] + random[3] + random[4] == 12);
  CHECK(MetricBench(MetricType::gauge).run({R"(convert_exponential_histogram_to_histogram("upper", []))"}).starts_with("config: "));
  CHECK(MetricBench(MetricType::gauge).run({R"(convert_exponential_histogram_to_histogram("best", [1.0]))"}).starts_with("config: "));
}

TEST_CASE("convert_exponential_histogram_to_histogram keeps what is negative and zero, and makes nothing up") {
  for (std::string how : {"upper", "midpoint", "uniform", "random"}) {
    CAPTURE(how);
    MetricBench b(MetricType::exponential_histogram);
    DataPoint& p = b.point("x");
    p.zero_count = 1;
    p.count = 10;
    p.scale = -1;  // powers of four
    p.negative.offset = 0;  // [-4, -1), [-16, -4)
    for (std::uint64_t count : {2, 3}) p.negative.counts.push_back(b.arena, count);
    p.positive.offset = 1;  // (4, 16]
    p.positive.counts.push_back(b.arena, 4);
    CHECK(b.run({fmt::format("convert_exponential_histogram_to_histogram(\"{}\", [0.0, 4.0, 16.0])", how)}) == "");
    CHECK(MetricBench::counts(b.metric.points[0]) == std::vector<std::uint64_t>{6, 0, 4, 0});
    CHECK(b.metric.points[0].count == 10);
    CHECK(!b.metric.points[0].has_min);
    CHECK(!b.metric.points[0].has_max);
    CHECK(!b.metric.points[0].has_sum);
  }
  for (std::string bounds : {"[1.0, 1.0]", "[2.0, 1.0]"})
    CHECK(MetricBench(MetricType::gauge).run({"convert_exponential_histogram_to_histogram(\"upper\", " + bounds + ")"}).starts_with("config: "));
}

TEST_CASE("a random distribution of a huge count takes no time and loses nothing") {
  MetricBench b(MetricType::exponential_histogram);
  b.point("x").positive.counts.push_back(b.arena, std::uint64_t{1} << 62);
  CHECK(b.run({R"(convert_exponential_histogram_to_histogram("random", [1.2, 1.5, 1.8, 2.5]))"}) == "");
  std::uint64_t sum = 0;
  for (auto count : b.metric.points[0].bucket_counts) sum += count;
  CHECK(sum == std::uint64_t{1} << 62);
}

TEST_CASE("extract_percentile_metric") {
  MetricBench b(MetricType::histogram);
  b.histogram({10, 20}, {5, 5, 0});
  CHECK(b.run({"extract_percentile_metric(75.0)"}) == "");
  CHECK((b.added().name == "m_p75" && b.added().description == "d (p75)" && b.added().type == MetricType::gauge));
  CHECK(b.added().points[0].real == 16);  // the third of five in (10, 20]
  CHECK(b.run({R"(extract_percentile_metric(99.9, "_high"))"}) == "");
  CHECK(b.added().name == "m_high");
  MetricBench e(MetricType::exponential_histogram);
  DataPoint& p = e.point();
  p.count = 2;
  for (std::uint64_t count : {1, 1}) p.positive.counts.push_back(e.arena, count);
  CHECK(e.run({"extract_percentile_metric(50.0)"}) == "");
  CHECK(e.added().points[0].real == doctest::Approx(2));
  CHECK(b.run({"extract_percentile_metric(100.0)"}).starts_with("config: "));
  b.metric.points[0].count = 100;
  CHECK(b.run({"extract_percentile_metric(99.0)"}).find("malformed data") != std::string::npos);
}

TEST_CASE("merge_histogram_buckets") {
  MetricBench b(MetricType::histogram, ContextId::datapoint);
  b.histogram({1, 2, 3}, {1, 2, 3, 4});
  CHECK(b.run({"merge_histogram_buckets(2.0)"}) == "");
  CHECK(MetricBench::counts(b.metric.points[0]) == std::vector<std::uint64_t>{1, 5, 4});
  CHECK(b.metric.points[0].explicit_bounds.size() == 2);
  CHECK(b.run({"merge_histogram_buckets(99)"}) == "");
  CHECK(b.run({R"(merge_histogram_buckets(2, "limit_buckets"))"}) == "");
  CHECK(MetricBench::counts(b.metric.points[0]) == std::vector<std::uint64_t>{6, 4});
  CHECK(b.metric.points[0].explicit_bounds[0] == 3);
  CHECK(b.run({R"(merge_histogram_buckets(1, "limit_buckets"))"}) == "");
  CHECK(MetricBench::counts(b.metric.points[0]) == std::vector<std::uint64_t>{10});
  for (std::string bad : {R"((0, "limit_buckets"))", R"((1.5, "limit_buckets"))", R"((1, "other"))", "(nil)"}) {
    CAPTURE(bad);
    CHECK(b.run({"merge_histogram_buckets" + bad}).starts_with("config: "));
  }
}

TEST_CASE("parts of points as text: lists of numbers are JSON, the rest has nothing to show") {
  MetricBench b(MetricType::histogram, ContextId::datapoint);
  DataPoint& point = b.point();
  CHECK(b.eval("String(bucket_counts)") == R"(string "null")");
  CHECK(b.eval("String(explicit_bounds)") == R"(string "null")");
  point.bucket_counts.push_back(b.arena, 1);
  point.bucket_counts.push_back(b.arena, 2);
  point.explicit_bounds.push_back(b.arena, 0.5);
  CHECK(b.eval("String(bucket_counts)") == R"(string "[1,2]")");
  CHECK(b.eval("String(explicit_bounds)") == R"(string "[0.5]")");
  CHECK(b.eval(R"(Concat([bucket_counts, exemplars], "-"))") == R"(string "[1,2]-{}")");
  CHECK(b.test(R"(IsMatch(bucket_counts, "1,2"))") == "true");
  CHECK(b.eval(R"(Format("%v %T %T %5d", [bucket_counts, bucket_counts, explicit_bounds, explicit_bounds]))") ==
        R"~(string "[1 2] []uint64 []float64 [%!d(float64=  0.5)]")~");
}

TEST_CASE("filters ask for attributes of data points") {
  Bench b(ContextId::metric, {.caller = Callers::filter});
  b.set(b.metric.points.push_back(b.arena, {}).attributes, "a", "x");
  CHECK(b.test(R"(HasAttrKeyOnDatapoint("a"))") == "true");
  CHECK(b.test(R"(HasAttrKeyOnDatapoint("b"))") == "false");
  CHECK(b.test(R"(HasAttrOnDatapoint("a", "x"))") == "true");
  CHECK(b.test(R"(HasAttrOnDatapoint("a", "y"))") == "false");
  CHECK(Bench(ContextId::metric, {.caller = Callers::transform}).test(R"(HasAttrKeyOnDatapoint("a"))").starts_with("config: "));
}

}  // namespace
}  // namespace weir::ottl
