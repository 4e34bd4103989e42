#include "components/receivers/prometheusremotewrite/convert.h"

#include <doctest/doctest.h>

#include "components/shared/remote_write/encode.h"
#include "otlp/json.h"
#include "prometheus/number.h"

using namespace weir;
using namespace weir::receivers::prometheusremotewrite;
using namespace weir::remote_write;

namespace {

struct Bench {
  // What comes out, as OTLP JSON.
  std::string take(Version version, std::vector<Series> series, std::vector<Metadata> metadata = {}) {
    std::vector<const Series*> all;
    for (auto& s : series) all.push_back(&s);
    body = encode(version, all, metadata);
    Charge charge = budget.empty_charge();
    Converter converter(version, known, charge);
    auto decoded = decode(version, body, converter, charge);
    REQUIRE(decoded.has_value());
    stats = converter.stats();
    auto batch = converter.finish();
    items = batch.items();
    return otlp::to_json(batch);
  }
  Budget budget;
  Known known;
  std::string body;
  Stats stats;
  std::size_t items = 0;
};

Series one(std::vector<Label> labels, double value, MetricType type = MetricType::gauge) {
  Series s;
  s.labels = std::move(labels);
  std::ranges::sort(s.labels);
  s.samples = {{value, 1'700'000'000'000, 1'600'000'000'000}};
  s.metadata = {type, "", "help", "seconds"};
  return s;
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

}  // namespace

TEST_CASE("remote write receiver: resource, scope, unit and type of a series") {
  Bench b;
  std::string json = b.take(Version::v2, {one({{"__name__", "lat"}, {"job", "eu/shop"}, {"instance", "i1"}, {"k", "v"}, {"otel_scope_name", "lib"},
                                               {"otel_scope_version", "1"}, {"otel_scope_x", "y"}}, 2, MetricType::counter)});
  CAPTURE(json);
  CHECK(contains(json, R"({"key":"service.namespace","value":{"stringValue":"eu"}},{"key":"service.name","value":{"stringValue":"shop"}},{"key":"service.instance.id","value":{"stringValue":"i1"}})"));
  CHECK(contains(json, R"("scope":{"name":"lib","version":"1","attributes":[{"key":"x","value":{"stringValue":"y"}}]})"));
  CHECK(contains(json, R"("name":"lat","description":"help","unit":"s")"));
  CHECK(contains(json, R"("isMonotonic":true)"));
  CHECK(contains(json, R"("startTimeUnixNano":"1600000000000000000","timeUnixNano":"1700000000000000000","asDouble":2)"));
  CHECK(contains(json, R"({"key":"prometheus.type","value":{"stringValue":"counter"}})"));
  CHECK(b.stats.samples == 1);
}

TEST_CASE("remote write receiver: series of one metric are its points, and stale ones say so") {
  Bench b;
  auto gone = one({{"__name__", "g"}, {"k", "2"}}, prometheus::stale_marker());
  b.take(Version::v2, {one({{"__name__", "g"}, {"k", "1"}}, 1), gone});
  CHECK(b.items == 2);
  std::string json = b.take(Version::v2, {gone});
  CHECK(contains(json, R"("flags":1)"));
}

TEST_CASE("remote write receiver: target_info goes into the resource, of later requests too") {
  Bench b;
  b.take(Version::v2, {one({{"__name__", "target_info"}, {"job", "shop"}, {"instance", "i"}, {"host_name", "n1"}}, 1)});
  CHECK(b.items == 0);
  CHECK(b.stats.samples == 1);
  CHECK(contains(b.take(Version::v2, {one({{"__name__", "g"}, {"job", "shop"}, {"instance", "i"}}, 1)}), R"({"key":"host_name","value":{"stringValue":"n1"}})"));
  CHECK_FALSE(contains(b.take(Version::v2, {one({{"__name__", "g"}, {"job", "shop"}, {"instance", "j"}}, 1)}), "host_name"));
}

TEST_CASE("remote write receiver: 1.0 has types from metadata that came before, or from names") {
  Bench b;
  std::string json = b.take(Version::v1, {one({{"__name__", "a_total"}}, 1), one({{"__name__", "b"}}, 1)});
  CHECK(contains(json, R"("name":"a_total")"));
  CHECK(contains(json, R"("isMonotonic":true)"));
  CHECK(contains(json, R"("gauge")"));
  b.take(Version::v1, {}, {{MetricType::counter, "b", "what b is", "bytes"}});
  json = b.take(Version::v1, {one({{"__name__", "b"}}, 1)});
  CHECK(contains(json, R"("name":"b","description":"what b is","unit":"By","sum")"));
}

TEST_CASE("remote write receiver: native histograms, exponential and with custom buckets") {
  Bench b;
  Series s = one({{"__name__", "h"}}, 0, MetricType::histogram);
  s.samples.clear();
  s.histograms = {{.schema = 1, .count = 6, .zero_count = 1, .sum = 9, .zero_threshold = 0.5, .positive_spans = {{0, 1}, {1, 1}}, .positive_deltas = {2, 1}, .time = 5}};
  s.exemplars = {{{{"span_id", "00f067aa0ba902b7"}, {"trace_id", "4bf92f3577b34da6a3ce929d0e0e4736"}, {"user", "u"}}, 3, 4}};
  std::string json = b.take(Version::v2, {s});
  CAPTURE(json);
  CHECK(contains(json, R"("scale":1,"zeroCount":"1","zeroThreshold":0.5,"positive":{"offset":-1,"bucketCounts":["2","0","3"]})"));
  CHECK(contains(json, R"("traceId":"4bf92f3577b34da6a3ce929d0e0e4736")"));
  CHECK(contains(json, R"("filteredAttributes":[{"key":"user")"));
  CHECK(b.stats.histograms == 1);
  CHECK(b.stats.exemplars == 1);
  s.histograms = {{.schema = -53, .count = 3, .sum = 9, .positive_spans = {{1, 1}}, .positive_deltas = {3}, .custom_bounds = {1, 2}, .time = 5}};
  json = b.take(Version::v2, {s});
  CHECK(contains(json, R"("bucketCounts":["0","3","0"],"explicitBounds":[1,2])"));
}

TEST_CASE("remote write receiver: what makes no sense is left out, counted and told") {
  Bench b;
  Series wild = one({{"__name__", "h"}}, 0), negative = wild, foreign = wild, empty = wild, miscounted = wild;
  for (Series* s : {&wild, &negative, &foreign, &empty, &miscounted}) s->samples.clear();
  wild.histograms = {{.schema = 0, .positive_spans = {{0, 1}, {INT32_MAX, 1}}, .positive_deltas = {1, 1}}};
  negative.histograms = {{.schema = 0, .positive_spans = {{0, 2}}, .positive_deltas = {1, -2}}};
  foreign.histograms = {{.schema = 99}};
  b.take(Version::v2, {wild, negative, foreign, empty, one({{"__name__", "ok"}}, 1), one({{"k", "v"}}, 1)});
  CHECK(b.items == 1);
  CHECK(b.stats.invalid == 5);
  CHECK(contains(b.stats.why, "whose buckets make no sense: h\n"));
  CHECK(contains(b.stats.why, "missing metric name in labels\n"));
  miscounted.histograms = {{.schema = 0, .count = 4, .zero_count = 1, .positive_spans = {{0, 1}}, .positive_deltas = {2}}};
  b.take(Version::v2, {miscounted});
  CHECK(b.stats.invalid == 1);
  CHECK(contains(b.stats.why, "whose count is not that of its buckets: h\n"));
}

TEST_CASE("remote write receiver: without room nothing is taken") {
  Bench b;
  Series s = one({{"__name__", "g"}}, 1);
  s.samples.resize(1000);
  const Series* all[] = {&s};
  std::string body = encode(Version::v1, all);
  Budget budget(1000);
  Charge charge = budget.empty_charge();
  Converter converter(Version::v1, b.known, charge);
  auto decoded = decode(Version::v1, body, converter, charge);
  REQUIRE_FALSE(decoded.has_value());
  CHECK(decoded.error().code == Errc::refused);
}

TEST_CASE("remote write receiver: what is remembered is bounded") {
  Recent<int> recent(2);
  recent.put("a", 1);
  recent.put("b", 2);
  CHECK(recent.find("a") != nullptr);
  recent.put("c", 3);
  CHECK(recent.find("b") == nullptr);
  CHECK(*recent.find("a") == 1);
  CHECK(recent.size() == 2);
}
