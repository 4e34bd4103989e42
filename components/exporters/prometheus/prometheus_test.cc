#include <doctest/doctest.h>

#include <cmath>

#include "components/exporters/prometheus/accumulator.h"
#include "components/exporters/prometheus/exposition.h"
#include "base/text.h"
#include "otlp/wire.h"

using namespace weir;
using namespace weir::exporters::prometheus;
using namespace weir::otlp;

namespace {

constexpr UnixNanos t0 = 1'700'000'000'000'000'000, second = 1'000'000'000;

// What a test feeds in and scrapes out.
struct Bench {
  explicit Bench(Config c = {}) : config(std::move(c)) {
    store = std::make_shared<Store>(config.metric_expiration, config.max_series, budget);
    accumulator = std::make_unique<Accumulator>(config, *store);
    resource.attributes.push_back(arena, {"service.name", Value::of(std::string_view("shop"))});
    resource.attributes.push_back(arena, {"service.instance.id", Value::of(std::string_view("i1"))});
  }

  Outcomes feed(const Metric& metric) {
    accumulator->resource(resource);
    accumulator->scope(scope, "");
    return accumulator->metric(metric, arena, now);
  }
  Metric metric(std::string_view name, MetricType type, std::vector<DataPoint> points) {
    Metric out{.name = name, .type = type, .temporality = Temporality::cumulative, .is_monotonic = true};
    for (auto& p : points) out.points.push_back(arena, p);
    return out;
  }
  DataPoint number(double value, UnixNanos time = t0 + 60 * second, UnixNanos start = t0) {
    return {.start_time_unix_nano = start, .time_unix_nano = time, .type = NumberType::real, .real = value};
  }
  DataPoint histogram(std::vector<double> bounds, std::vector<std::uint64_t> counts, double sum, UnixNanos time = t0 + 60 * second, UnixNanos start = t0) {
    DataPoint out{.start_time_unix_nano = start, .time_unix_nano = time, .has_sum = true, .sum = sum};
    for (double b : bounds) out.explicit_bounds.push_back(arena, b);
    for (auto n : counts) {
      out.bucket_counts.push_back(arena, n);
      out.count += n;
    }
    return out;
  }
  std::string scrape(std::string_view accept = "", bool gzip = false) {
    auto source = make_scrape(store, Format::negotiate(accept, config.enable_open_metrics), config.send_timestamps, "target_info", now, gzip, {});
    std::string out;
    while (source->next(out)) ++parts;
    return out;
  }

  Config config;
  Budget budget;
  Arena arena;
  Resource resource;
  Scope scope;
  TimePoint now{};
  std::shared_ptr<Store> store;
  std::unique_ptr<Accumulator> accumulator;
  int parts = 0;
};

Config plain() {
  Config out;
  out.without_scope_info = true;
  return out;
}

}  // namespace

TEST_CASE("prometheus exporter: all kinds as text, in the order of names") {
  Bench b(plain());
  b.feed(b.metric("z.gauge", MetricType::gauge, {b.number(1.5)}));
  b.feed(b.metric("hits", MetricType::sum, {b.number(3)}));
  b.feed(b.metric("lat", MetricType::histogram, {b.histogram({0.5, 1e6}, {1, 2, 3}, 42.5)}));
  DataPoint summary{.count = 4, .has_sum = true, .sum = 2};
  summary.quantiles.push_back(b.arena, {0.5, 0.25});
  b.feed(b.metric("sum", MetricType::summary, {summary}));
  CHECK(b.scrape() ==
        "# HELP hits_total \n# TYPE hits_total counter\nhits_total{instance=\"i1\",job=\"shop\"} 3\n"
        "# HELP lat \n# TYPE lat histogram\n"
        "lat_bucket{instance=\"i1\",job=\"shop\",le=\"0.5\"} 1\nlat_bucket{instance=\"i1\",job=\"shop\",le=\"1e+06\"} 3\n"
        "lat_bucket{instance=\"i1\",job=\"shop\",le=\"+Inf\"} 6\nlat_sum{instance=\"i1\",job=\"shop\"} 42.5\nlat_count{instance=\"i1\",job=\"shop\"} 6\n"
        "# HELP sum \n# TYPE sum summary\nsum{instance=\"i1\",job=\"shop\",quantile=\"0.5\"} 0.25\n"
        "sum_sum{instance=\"i1\",job=\"shop\"} 2\nsum_count{instance=\"i1\",job=\"shop\"} 4\n"
        "# HELP target_info Target metadata\n# TYPE target_info gauge\ntarget_info{instance=\"i1\",job=\"shop\"} 1\n"
        "# HELP z_gauge \n# TYPE z_gauge gauge\nz_gauge{instance=\"i1\",job=\"shop\"} 1.5\n");
}

TEST_CASE("prometheus exporter: OpenMetrics has exemplars, and the end is marked") {
  Config config = plain();
  config.enable_open_metrics = true;
  config.send_timestamps = true;
  Bench b(config);
  b.resource.attributes.clear();
  auto p = b.histogram({1, 2}, {1, 0, 1}, 5);
  Exemplar e{.time_unix_nano = t0 + second / 2, .type = NumberType::real, .real = 7};
  e.trace_id.bytes.fill(0xab);
  p.exemplars.push_back(b.arena, e);
  b.feed(b.metric("h", MetricType::histogram, {p}));
  auto counter = b.number(3);
  counter.exemplars.push_back(b.arena, e);
  auto m = b.metric("c", MetricType::sum, {counter});
  m.description = "say \"hi\"\n\\";
  b.feed(m);
  std::string ab(32, 'a');
  for (std::size_t i = 1; i < 32; i += 2) ab[i] = 'b';
  CHECK(b.scrape("application/openmetrics-text;version=1.0.0") ==
        "# HELP c say \\\"hi\\\"\\n\\\\\n# TYPE c counter\nc_total 3.0 1.70000006e+09 # {trace_id=\"" + ab + "\"} 7.0 1.7000000005e+09\n"
        "# HELP h \n# TYPE h histogram\nh_bucket{le=\"1.0\"} 1 1.70000006e+09\nh_bucket{le=\"2.0\"} 1 1.70000006e+09\n"
        "h_bucket{le=\"+Inf\"} 2 1.70000006e+09 # {trace_id=\"" + ab + "\"} 7.0 1.7000000005e+09\nh_sum 5.0 1.70000006e+09\nh_count 2 1.70000006e+09\n# EOF\n");
  CHECK(b.scrape().starts_with("# HELP c_total say \"hi\"\\n\\\\\n"));
  CHECK(b.scrape().find("c_total 3 1700000060000\n") != std::string::npos);
}

TEST_CASE("prometheus exporter: an exemplar that is no number is in the last bucket") {
  Config config = plain();
  config.enable_open_metrics = true;
  Bench b(config);
  b.resource.attributes.clear();
  auto p = b.histogram({1}, {1, 0}, 1);
  for (double value : {std::nan(""), 9.0, std::nan("")}) p.exemplars.push_back(b.arena, {.time_unix_nano = t0, .type = NumberType::real, .real = value, .span_id = otlp::SpanId::from("12345678")});
  b.feed(b.metric("h", MetricType::histogram, {p}));
  CHECK(b.scrape("application/openmetrics-text;version=1.0.0").find("h_bucket{le=\"1.0\"} 1\nh_bucket{le=\"+Inf\"} 1 # {span_id=\"3132333435363738\"} NaN 1.7e+09\nh_sum") != std::string::npos);
}

TEST_CASE("prometheus exporter: what an Accept header gets") {
  auto type = [](std::string_view accept, bool openmetrics = true) { return Format::negotiate(accept, openmetrics).content_type(); };
  CHECK(type("") == "text/plain; version=0.0.4; charset=utf-8; escaping=underscores");
  CHECK(type("*/*") == "text/plain; version=0.0.4; charset=utf-8; escaping=underscores");
  CHECK(type("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;q=0.3") ==
        "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8");
  CHECK(type("application/openmetrics-text", false) == "text/plain; version=0.0.4; charset=utf-8; escaping=underscores");
  CHECK(type("text/plain;q=0.2, application/openmetrics-text;q=0.9") == "application/openmetrics-text; version=0.0.1; charset=utf-8; escaping=underscores");
  CHECK(type("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,text/plain;q=0.5").starts_with(
      "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"));
  CHECK(type("application/vnd.google.protobuf;proto=other;encoding=delimited").starts_with("text/plain"));
}

TEST_CASE("prometheus exporter: delta points are added up when they follow, otherwise they begin anew") {
  Bench b(plain());
  b.resource.attributes.clear();
  auto delta = [&](double v, UnixNanos start, UnixNanos end) {
    auto m = b.metric("d", MetricType::sum, {b.number(v, end, start)});
    m.temporality = Temporality::delta;
    return b.feed(m);
  };
  delta(5, t0, t0 + second);
  delta(2, t0 + second, t0 + 2 * second);
  CHECK(b.scrape().ends_with("\nd_total 7\n"));
  delta(3, t0 + 5 * second, t0 + 6 * second);
  CHECK(b.scrape().ends_with("\nd_total 3\n"));
  delta(9, t0, t0 + second);  // older
  CHECK(b.scrape().ends_with("\nd_total 3\n"));
  auto h = b.metric("h", MetricType::histogram, {b.histogram({1}, {1, 1}, 2, t0 + second, t0), b.histogram({1}, {0, 4}, 8, t0 + 2 * second, t0 + second)});
  h.temporality = Temporality::delta;
  b.feed(h);
  CHECK(b.scrape().find("h_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 6\nh_sum 10\n") != std::string::npos);
  auto overlapping = b.metric("h", MetricType::histogram, {b.histogram({1}, {1, 1}, 2, t0 + 9 * second, t0 + second)});
  overlapping.temporality = Temporality::delta;
  CHECK(b.feed(overlapping).invalid == 1);
  auto falling = b.metric("f", MetricType::sum, {b.number(1)});
  falling.temporality = Temporality::delta;
  falling.is_monotonic = false;
  CHECK(b.feed(falling).invalid == 1);
}

TEST_CASE("prometheus exporter: delta exponential histograms are added up over scales") {
  Bench b(plain());
  b.resource.attributes.clear();
  auto exponential = [&](std::int32_t scale, std::uint64_t n, UnixNanos start, UnixNanos end) {
    DataPoint p{.start_time_unix_nano = start, .time_unix_nano = end, .count = n, .has_sum = true, .sum = 1, .scale = scale};
    p.positive.counts.push_back(b.arena, n);
    auto m = b.metric("e", MetricType::exponential_histogram, {p});
    m.temporality = Temporality::delta;
    return b.feed(m);
  };
  exponential(2, 3, t0, t0 + second);
  exponential(0, 4, t0 + second, t0 + 2 * second);
  CHECK(b.scrape().find("e_bucket{le=\"+Inf\"} 7\ne_sum 2\ne_count 7\n") != std::string::npos);
  CHECK(exponential(-5, 1, t0 + 2 * second, t0 + 3 * second).invalid == 1);
}

TEST_CASE("prometheus exporter: conflicts and what cannot be served are refused with a reason") {
  Bench b(plain());
  b.feed(b.metric("a", MetricType::histogram, {b.histogram({1}, {1, 1}, 2)}));
  CHECK(b.feed(b.metric("a", MetricType::gauge, {b.number(1)})).invalid == 1);
  CHECK(b.feed(b.metric("a.count", MetricType::gauge, {b.number(1)})).why == "a_count is there already with another type");
  CHECK(b.feed(b.metric("", MetricType::gauge, {b.number(1)})).invalid == 1);
  auto twice = b.number(1);
  twice.attributes.push_back(b.arena, {"x.y", Value::of(std::string_view("1"))});
  twice.attributes.push_back(b.arena, {"x_y", Value::of(std::string_view("2"))});
  CHECK(b.feed(b.metric("g", MetricType::gauge, {twice, b.number(2)})).invalid == 1);
  CHECK(b.scrape().find("g{instance=\"i1\",job=\"shop\"} 2\n") != std::string::npos);
  auto reserved = b.histogram({1}, {1, 1}, 2);
  reserved.attributes.push_back(b.arena, {"le", Value::of(std::string_view("1"))});
  CHECK(b.feed(b.metric("r", MetricType::histogram, {reserved})).invalid == 1);
}

TEST_CASE("prometheus exporter: a resource or scope of more than 16 KiB of labels is refused") {
  Config config = plain();
  config.resource_to_telemetry_conversion.enabled = true;
  Bench b(config);
  b.resource.attributes.push_back(b.arena, {"k", Value::of(b.arena.copy(std::string(16'000, 'x')))});
  CHECK(b.feed(b.metric("a", MetricType::gauge, {b.number(1)})).kept == 1);
  b.resource.attributes.push_back(b.arena, {"l", Value::of(b.arena.copy(std::string(400, 'x')))});
  auto refused = b.feed(b.metric("a", MetricType::gauge, {b.number(1), b.number(2)}));
  CHECK(refused.invalid == 2);
  CHECK(refused.why.find("bytes of labels, at most 16384") != std::string::npos);
  // Not as labels it costs nothing for each series.
  Bench without(plain());
  without.resource = b.resource;
  CHECK(without.feed(without.metric("a", MetricType::gauge, {without.number(1)})).kept == 1);
  Bench scoped;
  scoped.scope.attributes.push_back(scoped.arena, {"k", Value::of(scoped.arena.copy(std::string(17'000, 'x')))});
  CHECK(scoped.feed(scoped.metric("a", MetricType::gauge, {scoped.number(1)})).invalid == 1);
}

TEST_CASE("prometheus exporter: series end with a stale point or after the time they are kept, and target_info with the last one") {
  Bench b(plain());
  b.feed(b.metric("g", MetricType::gauge, {b.number(1)}));
  auto gone = b.number(0);
  gone.flags = 1;
  b.feed(b.metric("g", MetricType::gauge, {gone}));
  CHECK(b.scrape() == "");
  b.feed(b.metric("g", MetricType::gauge, {b.number(1)}));
  b.now += 4min;
  b.feed(b.metric("h", MetricType::gauge, {b.number(1)}));
  b.now += 2min;
  CHECK(b.scrape().find("\ng{") == std::string::npos);
  CHECK(b.scrape().find("\nh{") != std::string::npos);
  CHECK(b.store->size() == 2);
  while (!b.store->sweep(b.now, 1)) {}
  CHECK(b.store->size() == 1);
  // The type of g is free again.
  CHECK(b.feed(b.metric("g", MetricType::histogram, {b.histogram({1}, {1, 1}, 2)})).kept == 1);
  b.now += 1h;
  b.store->sweep(b.now, 1000);
  CHECK(b.store->size() == 0);
  CHECK(b.store->families().empty());
  CHECK(b.store->targets() == 0);
  CHECK(b.budget.used() == 0);
}

TEST_CASE("prometheus exporter: past max_series, or without memory, there are no new series") {
  Config config = plain();
  config.max_series = 2;
  Bench b(config);
  std::vector<DataPoint> points;
  static constexpr std::string_view names[] = {"a", "b", "c"};
  for (auto name : names) {
    points.push_back(b.number(1));
    points.back().attributes.push_back(b.arena, {"k", Value::of(name)});
  }
  auto out = b.feed(b.metric("g", MetricType::gauge, points));
  CHECK(out.kept == 2);
  CHECK(out.no_room == 1);
  CHECK(b.feed(b.metric("g", MetricType::gauge, {points[0]})).kept == 1);
  config.max_series = 10;
  Bench full(config);
  full.budget.set_limit(10);
  CHECK(full.feed(full.metric("g", MetricType::gauge, {full.number(1)})).no_room == 1);
}

TEST_CASE("prometheus exporter: names that are kept as they are, escaped as the peer asks") {
  Config config = plain();
  config.translation_strategy = Strategy::none;
  Bench b(config);
  b.resource.attributes.clear();
  auto p = b.number(1);
  p.attributes.push_back(b.arena, {"x.y", Value::of(std::string_view("a\"b\\c\nd"))});
  b.feed(b.metric("my.gauge", MetricType::gauge, {p}));
  CHECK(b.scrape("text/plain;escaping=allow-utf-8").ends_with("{\"my.gauge\",\"x.y\"=\"a\\\"b\\\\c\\nd\"} 1\n"));
  CHECK(b.scrape("text/plain;escaping=allow-utf-8").starts_with("# HELP \"my.gauge\" \n# TYPE \"my.gauge\" gauge\n"));
  CHECK(b.scrape().ends_with("my_gauge{x_y=\"a\\\"b\\\\c\\nd\"} 1\n"));
  CHECK(b.scrape("text/plain;escaping=values").ends_with("U__my_2e_gauge{U__x_2e_y=\"a\\\"b\\\\c\\nd\"} 1\n"));
}

TEST_CASE("prometheus exporter: protobuf carries native histograms") {
  Bench b(plain());
  b.resource.attributes.clear();
  DataPoint p{.start_time_unix_nano = t0, .count = 8, .has_sum = true, .sum = 100.5, .scale = 1, .zero_count = 2};
  for (std::uint64_t n : {1, 2, 3}) p.positive.counts.push_back(b.arena, n);
  p.attributes.push_back(b.arena, {"k", Value::of(std::string_view("v"))});
  b.feed(b.metric("e", MetricType::exponential_histogram, {p}));
  std::string bytes = b.scrape("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited");
  REQUIRE(static_cast<std::size_t>(bytes[0]) == bytes.size() - 1);
  Reader family(std::string_view(bytes).substr(1));
  std::string name, metric;
  std::uint64_t type = 99;
  while (family.next()) {
    if (family.field() == 1) name = family.bytes();
    else if (family.field() == 3) type = family.varint();
    else if (family.field() == 4) metric = family.bytes();
    else family.skip();
  }
  CHECK(name == "e");
  CHECK(type == 4);
  Reader fields(metric);
  std::string histogram, label;
  while (fields.next()) {
    if (fields.field() == 1) label = fields.bytes();
    else if (fields.field() == 7) histogram = fields.bytes();
    else fields.skip();
  }
  CHECK(label == "\n\x01k\x12\x01v");
  Reader h(histogram);
  std::vector<std::int64_t> deltas;
  std::uint64_t count = 0, zero = 0;
  std::int64_t schema = 0;
  double threshold = 0;
  std::string span;
  while (h.next()) {
    switch (h.field()) {
      case 1: count = h.varint(); break;
      case 5: schema = unzigzag(h.varint()); break;
      case 6: threshold = h.real(); break;
      case 7: zero = h.varint(); break;
      case 12: span = h.bytes(); break;
      case 13: deltas.push_back(unzigzag(h.varint())); break;
      default: h.skip();
    }
  }
  CHECK(count == 8);
  CHECK(zero == 2);
  CHECK(schema == 1);
  CHECK(threshold == 1e-128);
  CHECK(span == "\x08\x02\x10\x03");  // offset 1 (zigzag), length 3
  CHECK(deltas == std::vector<std::int64_t>{1, 1, 1});
}

TEST_CASE("prometheus exporter: a long scrape comes in parts, and none that stays is missed while others come and go") {
  Bench b(plain());
  b.resource.attributes.clear();
  std::vector<std::string> values;
  for (int i = 0; i < 10'000; ++i) values.push_back(fmt::format("{:060}", i));
  auto with = [&](std::string_view value) {
    auto p = b.number(1);
    p.attributes.push_back(b.arena, {"k", Value::of(value)});
    return p;
  };
  for (auto& v : values) b.feed(b.metric("g", MetricType::gauge, {with(v)}));
  auto source = make_scrape(b.store, {}, false, "target_info", b.now, false, {});
  std::string out;
  int parts = 0;
  for (int i = 0; source->next(out); ++i) {
    ++parts;
    if (i % 2 == 0) {
      auto gone = with(values[static_cast<std::size_t>(i) % 100]);
      gone.flags = 1;
      b.feed(b.metric("g", MetricType::gauge, {gone}));
      b.feed(b.metric(fmt::format("a{}", i).c_str(), MetricType::gauge, {b.number(1)}));
    }
  }
  std::vector<std::string_view> lines = split(out, '\n');
  std::ranges::sort(lines);
  for (std::size_t i = 100; i < values.size(); ++i) REQUIRE(std::ranges::binary_search(lines, "g{k=\"" + values[i] + "\"} 1"));
  CHECK(out.find("# TYPE g gauge") == out.rfind("# TYPE g gauge"));
  CHECK(parts > 4);
}
