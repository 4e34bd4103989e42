#include "components/connectors/spanmetrics/spanmetrics.h"

#include <doctest/doctest.h>

#include "components/connectors/spanmetrics/testing.h"
#include "config/field.h"
#include "config/yaml.h"

using namespace weir;
using namespace weir::connectors::spanmetrics;
using namespace weir::connectors::spanmetrics::testing;

namespace {

Config with_dimensions(std::vector<Dimension> dimensions) { return {.dimensions = std::move(dimensions)}; }

}  // namespace

TEST_CASE("span metrics: counts go up from zero, durations are there at once, both again at each flush") {
  Fixture f({});
  f.push({{.duration = 3ms}, {.span = 2, .duration = 70ms}, {.span = 3, .name = "other", .status = 2}});
  Points first = f.flushed();
  CHECK(first.size() == 4);
  CHECK(first["shop calls span.name=op"].value == 0);
  CHECK(first["shop duration span.name=op"].value == 2);
  CHECK(first["shop duration span.name=op"].sum == doctest::Approx(73));
  CHECK(first["shop duration span.name=op"].unit == "ms");
  CHECK(first["shop duration span.name=op"].buckets == std::vector<std::uint64_t>{0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  f.push({{.span = 4}});
  Points second = f.flushed();
  CHECK(second["shop calls span.name=op"].value == 3);
  CHECK(second["shop calls span.name=other"].value == 1);
  CHECK(second["shop calls span.name=op"].start == first["shop calls span.name=op"].start);
  CHECK(second["shop calls span.name=op"].time == first["shop calls span.name=op"].time + 60'000'000'000);
  CHECK(second["shop calls span.name=op"].temporality == otlp::Temporality::cumulative);
  f.world.stop();
}

TEST_CASE("span metrics: names that a processor before it cut between bytes of a character are counted, repaired") {
  Fixture f({});
  otlp::Batch batch = engine::testing::make_traces({{.name = "\xC3\xA9"}});
  Arena& arena = batch.arena();
  auto& name = batch.groups().at(0).scopes.at(0).items.at(0).edit<otlp::Span>(arena).name;
  name = name.substr(0, 1);
  f.world.push(std::move(batch));
  CHECK(f.flushed()["shop duration span.name=\xEF\xBF\xBD"].value == 1);
  f.world.check_conservation();
  f.world.stop();
}

TEST_CASE("span metrics: a span with many attributes that a pattern asks for") {
  Fixture f(with_dimensions({{.glob = "many.*"}}));
  SpanSpec span;
  for (int i = 0; i < 5000; ++i) span.attributes.emplace_back(fmt::format("many.{}", i), "x");
  f.push({{"many.7", "resource"}}, {span});
  Points points = f.flushed({});
  REQUIRE(points.size() == 2);
  CHECK(points.begin()->first.contains(" many.7=x"));
  CHECK(points.begin()->first.contains(" many.4999=x"));
  CHECK_FALSE(points.begin()->first.contains("=resource"));
  f.world.stop();
}

TEST_CASE("span metrics: all built-in dimensions, and what excluding them does") {
  SUBCASE("all") {
    Fixture f({.instance_id = "me"});
    f.push({{.kind = 3, .status = 2}});
    CHECK(f.flushed({}).contains("shop calls service.name=shop span.name=op span.kind=SPAN_KIND_CLIENT status.code=STATUS_CODE_ERROR collector.instance.id=me"));
    f.world.stop();
  }
  SUBCASE("excluded ones do not tell series apart") {
    Fixture f({.exclude_dimensions = {"span.name", "span.kind", "status.code", "service.name", "collector.instance.id"}});
    f.push({{.kind = 3, .status = 2}, {.span = 2, .name = "other"}});
    CHECK(f.flushed({})["shop duration"].value == 2);
    f.world.stop();
  }
  SUBCASE("numbers nobody defined are one") {
    Fixture f({.exclude_dimensions = {"collector.instance.id"}});
    f.push({{.kind = 7, .status = 9}, {.span = 2, .kind = -1, .status = 3}});
    CHECK(f.flushed({})["shop duration service.name=shop span.name=op span.kind= status.code="].value == 2);
    f.world.stop();
  }
}

TEST_CASE("span metrics: a dimension comes from the span, else the resource, else its default") {
  Fixture f(with_dimensions({{.name = "team"}, {.name = "tier", .default_value = "none"}}));
  f.push({{"team", "blue"}}, {{.attributes = {{"team", "red"}, {"tier", "gold"}}}, {.span = 2}});
  Points points = f.flushed();
  CHECK(points.contains("shop calls span.name=op team=red tier=gold"));
  CHECK(points.contains("shop calls span.name=op team=blue tier=none"));
  f.world.stop();
}

TEST_CASE("span metrics: one value under different names makes different series") {
  Fixture f(with_dimensions({{.name = "a"}, {.name = "b"}}));
  f.push({{.attributes = {{"a", "x"}}}, {.span = 2, .attributes = {{"b", "x"}}}, {.span = 3, .attributes = {{"a", ""}}}, {.span = 4}});
  Points points = f.flushed();
  for (auto* key : {"shop duration span.name=op a=x", "shop duration span.name=op b=x", "shop duration span.name=op a=", "shop duration span.name=op"})
    CHECK(points[key].value == 1);
  f.world.stop();
}

TEST_CASE("span metrics: calls and durations may have dimensions of their own") {
  Fixture f({.calls_dimensions = {{.name = "user"}}, .histogram = {.dimensions = {{.name = "zone"}}}});
  f.push({{.attributes = {{"user", "1"}, {"zone", "a"}}}, {.span = 2, .attributes = {{"user", "2"}, {"zone", "a"}}}});
  f.flushed();
  Points points = f.flushed();
  CHECK(points.size() == 3);
  CHECK(points["shop calls span.name=op user=1"].value == 1);
  CHECK(points["shop calls span.name=op user=2"].value == 1);
  CHECK(points["shop duration span.name=op zone=a"].value == 2);
  f.world.stop();
}

TEST_CASE("span metrics: dimensions by pattern") {
  Fixture f(with_dimensions({{.glob = "http.*"}, {.glob = "res.**"}}));
  f.push({{"res.a.b", "r"}, {"http.host", "h"}}, {{.attributes = {{"http.method", "GET"}, {"http.request.size", "1"}, {"http.host", "own"}}}});
  CHECK(f.flushed().contains("shop calls span.name=op http.host=own http.method=GET res.a.b=r"));
  f.world.stop();
}

TEST_CASE("span metrics: events take dimensions from the span, the event and the resource") {
  Fixture f({.dimensions = {{.name = "team"}}, .events = {.enabled = true, .dimensions = {{.name = "exception.type"}, {.name = "app"}}}});
  otlp::Batch batch = engine::testing::make_traces({{.attributes = {{"team", "red"}}}});
  Arena& arena = batch.arena();
  auto& group = batch.groups()[0];
  group.resource.edit(arena).attributes.set(arena, "app", otlp::Value::of(std::string_view("web")));
  auto& span = group.scopes[0].items[0].edit<otlp::Span>(arena);
  for (std::string_view type : {"IOError", "IOError", "Timeout"})
    span.events.push_back(arena, {}).attributes.set(arena, "exception.type", otlp::Value::of(type));
  f.world.push(std::move(batch));
  f.flushed();
  Points points = f.flushed();
  CHECK(points["shop events span.name=op team=red exception.type=IOError app=web"].value == 2);
  CHECK(points["shop events span.name=op team=red exception.type=Timeout app=web"].value == 1);
  f.world.stop();
}

TEST_CASE("span metrics: an interval begins where the one before ended, while the clock moves") {
  Fixture f({.aggregation_temporality = std::string(delta_temporality)});
  f.world.simulation().move_when_read(1us);
  UnixNanos end = 0;
  for (int interval = 0; interval < 3; ++interval) {
    f.push({{}});
    Point point = f.flushed()["shop calls span.name=op"];
    if (interval > 0) CHECK(point.start == end);
    CHECK(point.start < point.time);
    end = point.time;
  }
  f.world.stop();
}

TEST_CASE("span metrics: resources without room in memory are counted all the same") {
  for (std::size_t cores : {1, 3}) {
    Fixture f({}, cores);
    f.world.host().budget().set_limit(400'000);
    std::vector<SpanSpec> spans;
    for (int i = 0; i < 5'000; ++i) spans.push_back({.service = fmt::format("service {}", i)});
    for (int i = 0; i < 5; ++i) f.world.push(engine::testing::make_traces(spans));
    CHECK(f.dropped(engine::Reason::cardinality) == 0);
    std::int64_t spans_counted = 0;
    auto arrived = (f.world.advance(60s), f.world.take());
    // The newest of each series, overflow resources told apart by their core.
    std::map<std::string, std::int64_t> newest;
    for (auto& request : arrived)
      for (auto& group : request.batch->groups()) {
        otlp::Writer writer;
        group.resource.write(writer);
        for (auto& scope : group.scopes)
          for (auto& item : scope.items) {
            auto& metric = item.read<otlp::Metric>(request.batch->arena());
            if (!metric.name.ends_with("duration")) continue;
            for (auto& point : metric.points) {
              std::string key(writer.view());
              for (auto& kv : point.attributes) key += fmt::format("|{}={}", kv.key, to_text(kv.value));
              newest[key] = static_cast<std::int64_t>(point.count);
            }
          }
      }
    for (auto& [key, count] : newest) spans_counted += count;
    CHECK(spans_counted == 25'000);
    f.world.stop();
  }
}

TEST_CASE("span metrics: delta intervals follow each other, quiet series are silent") {
  Fixture f({.aggregation_temporality = std::string(delta_temporality)});
  f.push({{}, {.span = 2, .name = "rare"}});
  Points first = f.flushed();
  CHECK(first["shop calls span.name=op"].value == 1);
  CHECK(first["shop calls span.name=op"].temporality == otlp::Temporality::delta);
  f.push({{.span = 3}, {.span = 4}});
  Points second = f.flushed();
  CHECK(second.size() == 2);
  CHECK(second["shop calls span.name=op"].value == 2);
  CHECK(second["shop duration span.name=op"].sum == doctest::Approx(20));
  CHECK(second["shop calls span.name=op"].start == first["shop calls span.name=op"].time);
  CHECK(f.flushed().empty());
  f.push({{.span = 5, .name = "rare"}});
  CHECK(f.flushed()["shop calls span.name=rare"].start == first["shop calls span.name=rare"].time);
  f.world.stop();
}

TEST_CASE("span metrics: beyond the limit everything is counted in one series") {
  for (bool delta : {false, true}) {
    CAPTURE(delta);
    Config config{.aggregation_cardinality_limit = 2};
    if (delta) config.aggregation_temporality = delta_temporality;
    Fixture f(config);
    for (int interval = 0; interval < 2; ++interval) {
      f.push({{.name = "a"}, {.name = "b"}, {.name = "c"}, {.name = "d"}, {.name = "c"}, {.name = "a"}});
      if (interval == 0 && !delta) f.flushed();
    }
    Points points = f.flushed();
    constexpr std::int64_t times = 2;
    CHECK(points["shop calls span.name=a"].value == 2 * times);
    CHECK(points["shop calls span.name=b"].value == times);
    CHECK(points["shop calls otel.metric.overflow=true"].value == 3 * times);
    CHECK(points["shop duration otel.metric.overflow=true"].value == 3 * times);
    CHECK(points.size() == 6);
    f.world.stop();
  }
}

TEST_CASE("span metrics: the memory budget bounds series, too") {
  Fixture f({});
  f.world.host().limit_memory(64 * 1024);
  for (int i = 0; i < 200; ++i) f.push({{.name = fmt::format("op {}", i)}});
  f.flushed();
  Points points = f.flushed();
  CHECK(points.size() < 100);
  std::int64_t sum = 0;
  for (auto& [key, point] : points) sum += key.find("calls") != key.npos ? point.value : 0;
  CHECK(sum == 200);
  CHECK(points["shop calls otel.metric.overflow=true"].value > 100);
  f.world.stop();
  CHECK(f.world.host().budget().used() == 0);
}

TEST_CASE("span metrics: series and resources expire") {
  SUBCASE("a series") {
    Fixture f({.series_expiration = 100s});
    f.push({{}, {.name = "rare"}});
    f.flushed();
    f.push({{}});
    CHECK(f.flushed().size() == 4);  // and now it goes
    CHECK(f.flushed().size() == 2);
    f.push({{.name = "rare"}});
    CHECK(f.flushed()["shop calls span.name=rare"].value == 0);  // as new
    f.world.stop();
  }
  SUBCASE("a resource") {
    Fixture f({.metrics_expiration = 100s});
    f.push({{}, {.service = "old"}});
    f.flushed();
    f.push({{}});
    CHECK(f.flushed().size() == 4);
    CHECK(f.flushed().size() == 2);
    f.world.stop();
  }
  SUBCASE("the resource longest unseen, past the number of resources") {
    Fixture f({.resource_metrics_cache_size = 2});
    for (auto* service : {"a", "b", "c"}) f.push({{.service = service}});
    CHECK(f.flushed().size() == 6);
    Points points = f.flushed();
    CHECK(points.size() == 4);
    CHECK(!points.contains("a calls span.name=op"));
    f.world.stop();
  }
}

TEST_CASE("span metrics: a flood of resources is bounded") {
  Fixture f({.resource_metrics_cache_size = 2});
  std::vector<SpanSpec> spans;
  for (int i = 0; i < 12'000; ++i) spans.push_back({.service = fmt::format("service {}", i)});
  f.push(spans);
  CHECK(f.dropped(engine::Reason::cardinality) == 0);
  Points points = f.flushed();
  CHECK(points["- duration otel.metric.overflow=true"].value == 12'000 - 10'002);
  std::int64_t durations = 0, calls = 0;
  for (auto& [key, point] : points) (key.find(" calls ") != key.npos ? calls : durations) += point.value;
  CHECK(durations == 12'000);
  CHECK(calls == 10'000);  // of those that go; the others say 0 at first
  CHECK(f.flushed().size() == 6);
  f.push(spans);
  f.world.check_conservation();
  f.world.stop();
  CHECK(f.world.host().budget().used() == 0);
}

TEST_CASE("span metrics: resources are told apart by all attributes or by chosen ones") {
  SUBCASE("all") {
    Fixture f({});
    f.push({{"host.name", "1"}, {"zone", "a"}}, {{}});
    f.push({{"zone", "a"}, {"host.name", "1"}}, {{}});
    f.push({{"host.name", "2"}}, {{}});
    f.world.advance(60s);
    auto arrived = f.world.take();
    REQUIRE(arrived.size() == 1);
    CHECK(arrived[0].batch->groups().size() == 2);
    f.world.stop();
  }
  SUBCASE("chosen") {
    Fixture f({.resource_metrics_key_attributes = {"service.name"}});
    f.push({{"host.name", "1"}}, {{}});
    f.push({{"host.name", "2"}}, {{}});
    CHECK(f.flushed()["shop duration span.name=op"].value == 2);
    f.world.stop();
  }
}

TEST_CASE("span metrics: spans of a resource without service.name are not counted, and said to be dropped") {
  Fixture f({});
  f.push({{.service = ""}, {.service = ""}, {}});
  CHECK(f.flushed().size() == 2);
  CHECK(f.dropped(engine::Reason::invalid) == 2);
  f.world.check_conservation();
  f.world.stop();
}

TEST_CASE("span metrics: what was counted since the last flush leaves at shutdown") {
  Fixture f({}, 2);
  f.push({{}, {.service = "other"}});
  f.flushed();
  f.push({{}, {.name = "new"}});
  f.world.stop();
  Points points = f.points();
  CHECK(points.size() == 4);
  CHECK(points["shop calls span.name=op"].value == 2);
  CHECK(points["shop calls span.name=new"].value == 1);  // behind a point of zero
}

TEST_CASE("span metrics: counts are multiplied by what a sampled span stands for") {
  Fixture f({.enable_metrics_sampling_method = true});
  otlp::Batch batch = engine::testing::make_traces({{}, {.span = 2}});
  auto& items = batch.groups()[0].scopes[0].items;
  items[0].edit<otlp::Span>(batch.arena()).trace_state = "ot=th:c";
  f.world.push(std::move(batch));
  Points points = f.flushed();
  CHECK(points["shop duration span.name=op sampling.method=extrapolated"].value == 4);
  CHECK(points["shop duration span.name=op sampling.method=extrapolated"].sum == doctest::Approx(40));
  CHECK(points["shop duration span.name=op sampling.method=counted"].value == 1);
  f.world.stop();
}

TEST_CASE("span metrics: a span whose end is before its start took no time") {
  for (bool exponential : {false, true}) {
    Config config;
    if (exponential) config.histogram.exponential = ExponentialHistogram{};
    Fixture f(config);
    f.push({{.duration = -5ms}});
    Points points = f.flushed();
    CHECK(points["shop duration span.name=op"].value == 1);
    CHECK(points["shop duration span.name=op"].sum == 0);
    f.world.stop();
  }
}

TEST_CASE("span metrics: a kind of buckets without a value is none") {
  struct {
    std::string_view yaml;
    std::size_t bounds;
    bool exponential;
  } const rows[] = {
      {"{}", 16, false},          {"{explicit: }", 16, false},       {"{explicit: {}}", 0, false},
      {"{exponential: }", 16, false}, {"{exponential: {}}", 16, true}, {"{exponential: , explicit: {buckets: [1s]}}", 1, false},
  };
  for (auto& row : rows) {
    CAPTURE(row.yaml);
    config::Problems problems;
    auto value = config::parse_yaml(fmt::format("histogram: {}", row.yaml));
    REQUIRE(value);
    auto config = config::decode<Config>(&*value, problems);
    REQUIRE(config);
    CHECK(config->histogram.bounds().size() == row.bounds);
    CHECK(config->histogram.exponential.has_value() == row.exponential);
  }
}

TEST_CASE("span metrics: what is wrong with a configuration") {
  struct {
    Config config;
    std::string_view error;
  } const rows[] = {
      {with_dimensions({{.name = "a"}, {.name = "a"}}), "failed validating dimensions: duplicate dimension name \"a\""},
      {with_dimensions({{.name = "span.kind"}}), "failed validating dimensions: duplicate dimension name \"span.kind\""},
      {with_dimensions({{.name = "a.b"}, {.glob = "a.*"}}), "failed validating dimensions: duplicate dimension name \"a.b\" conflicting with glob \"a.*\""},
      {with_dimensions({{}}), "failed validating dimensions: dimension entry must set one of `name` or `glob`"},
      {with_dimensions({{.glob = "a["}}), "failed validating dimensions: invalid dimension glob \"a[\": [ without ]"},
      {{.events = {.enabled = true}}, "failed validating event dimensions: no dimensions configured for events"},
      {{.histogram = {.exponential = ExponentialHistogram{}, .explicit_buckets = ExplicitHistogram{}}}, "use either `explicit` or `exponential` buckets histogram"},
      {{.resource_metrics_cache_size = 0}, "invalid cache size: 0, the maximum number of items in the cache should be positive"},
      {{.metrics_flush_interval = 0s}, "invalid metrics_flush_interval: 0s, the duration should be positive"},
      {{.metrics_flush_interval = -1s}, "invalid metrics_flush_interval: -1s, the duration should be positive"},
      {{.aggregation_temporality = std::string(delta_temporality), .metric_timestamp_cache_size = 0}, "invalid delta timestamp cache size: 0, the maximum number of the items in the cache should be positive"},
      {{.aggregation_cardinality_limit = -1}, "invalid aggregation_cardinality_limit: -1, the limit should be positive"},
  };
  for (auto& row : rows) {
    CAPTURE(row.error);
    config::Problems problems;
    config::Context context(problems);
    row.config.validate(context);
    REQUIRE(problems.errors() == 1);
    CHECK(problems.to_string().find(row.error) != std::string::npos);
  }
}
