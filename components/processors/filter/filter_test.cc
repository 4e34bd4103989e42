#include "components/processors/filter/filter.h"

#include <doctest/doctest.h>

#include "config/yaml.h"
#include "engine/testing.h"

namespace weir::processors::filter {
engine::Factory factory();
}

using namespace weir;
using namespace weir::engine::testing;
using engine::Signal;

namespace {

engine::Factory::Config decode(std::string_view yaml, std::string* problems_text = nullptr) {
  config::Problems problems;
  auto value = config::parse_yaml(yaml);
  REQUIRE(value.has_value());
  auto config = processors::filter::factory().decode(&*value, problems);
  if (problems_text) *problems_text = problems.to_string();
  else REQUIRE_MESSAGE(config != nullptr, problems.to_string());
  return config;
}

using Lines = std::vector<std::string>;

struct Fixture {
  explicit Fixture(std::string_view yaml, Signal signal = Signal::traces) : world(1, 1) {
    auto config = decode(yaml);
    auto checked = factory.check(config.get(), signal);
    REQUIRE_MESSAGE(checked.has_value(), checked.error().what);
    world.add(factory, "filter/x", config);
    world.pipeline(std::string(to_string(signal)), signal, {"source"}, {"filter/x"}, {"sink"});
    world.start();
  }
  ~Fixture() { world.stop(); }

  // What came out: each item's name and the names of its events, or its number of points.
  Lines out() {
    Lines lines;
    for (auto& arrived : world.take()) {
      CHECK(!arrived.batch->empty());
      for (auto& group : arrived.batch->groups())
        for (auto& scope : group.scopes)
          for (auto& item : scope.items) lines.push_back(print(arrived.batch->signal(), item, arrived.batch->arena()));
    }
    return lines;
  }
  static std::string print(Signal signal, otlp::Item& item, Arena& arena) {
    if (signal == Signal::logs) return std::string(item.read<otlp::LogRecord>(arena).body.text);
    if (signal == Signal::metrics) {
      auto& metric = item.read<otlp::Metric>(arena);
      return fmt::format("{} {}", metric.name, metric.points.size());
    }
    auto& span = item.read<otlp::Span>(arena);
    std::string line(span.name);
    for (auto& event : span.events) line += fmt::format(" {}", event.name);
    return line;
  }
  double counter(std::string_view name) {
    for (auto& family : world.host().metrics().collect())
      if (family.name == name) {
        CHECK(family.samples.at(0).labels == telemetry::Labels{{"filter", "filter/x"}});
        return family.samples.at(0).value;
      }
    return -1;
  }

  engine::Factory factory = processors::filter::factory();
  World world;
};

std::string encoded(otlp::Batch& batch) {
  std::string bytes;
  for (auto& piece : batch.encode()) bytes += piece.view();
  return bytes;
}
otlp::Batch reparsed(otlp::Batch batch) {
  auto parsed = otlp::Batch::parse(batch.signal(), Bytes::take(encoded(batch)));
  REQUIRE(parsed.has_value());
  return std::move(*parsed);
}

struct Maker {
  explicit Maker(Signal signal) : batch(signal), arena(batch.arena()) {
    batch.groups().emplace_back().scopes.emplace_back();
  }
  template <class T>
  T& add() {
    T* made = arena.make<T>();
    batch.groups()[0].scopes[0].items.push_back(otlp::Item::of(made));
    return *made;
  }
  otlp::Batch done() { return batch.prune(), reparsed(std::move(batch)); }
  otlp::Batch batch;
  Arena& arena;
};

otlp::Batch logs() {
  Maker m(Signal::logs);
  std::int32_t severities[] = {0, 5, 9, 17};
  for (std::int32_t severity : severities) {
    auto& record = m.add<otlp::LogRecord>();
    record.body = otlp::Value::of(m.arena.copy(fmt::format("s{}", severity)));
    record.severity_number = severity;
    record.severity_text = severity == 17 ? "ERROR" : "other";
    record.attributes.set(m.arena, "n", otlp::Value::of(std::int64_t{severity}));
  }
  return m.done();
}

otlp::Batch metrics() {
  Maker m(Signal::metrics);
  std::pair<std::string_view, otlp::MetricType> kinds[] = {{"cpu", otlp::MetricType::gauge},
                                                           {"req", otlp::MetricType::sum},
                                                           {"lat", otlp::MetricType::histogram}};
  for (auto [name, type] : kinds) {
    auto& metric = m.add<otlp::Metric>();
    metric.name = name;
    metric.type = type;
    for (std::string_view code : {"200", "500"}) {
      otlp::DataPoint point;
      point.attributes.set(m.arena, "code", otlp::Value::of(code));
      point.attributes.set(m.arena, name, otlp::Value::of(true));
      metric.points.push_back(m.arena, point);
    }
  }
  for (auto& item : m.batch.groups()[0].scopes[0].items) item.points = 2;
  return m.done();
}

otlp::Batch traces_with_events() {
  Maker m(Signal::traces);
  for (std::string_view name : {"a", "b"}) {
    auto& span = m.add<otlp::Span>();
    span.name = name;
    span.trace_id.bytes[0] = 1;
    for (std::string_view event : {"ev1", "ev2", "ev3"}) {
      otlp::Span::Event made;
      made.name = event;
      made.attributes.set(m.arena, "of", otlp::Value::of(name));
      span.events.push_back(m.arena, made);
    }
  }
  return m.done();
}

}  // namespace

TEST_CASE("filter: spans that a condition holds for go, in the old and the new spelling") {
  for (std::string_view yaml : {R"({traces: {span: ['name == "healthz"', 'attributes["drop"] == "yes"']}})",
                                R"({trace_conditions: ['span.name == "healthz"', 'span.attributes["drop"] == "yes"']})",
                                R"({trace_conditions: [{context: span, conditions: ['name == "healthz"']},
                                                       {conditions: ['span.attributes["drop"] == "yes"']}]})"}) {
    CAPTURE(yaml);
    Fixture f(yaml);
    f.world.push(make_traces({{.name = "buy"}, {.name = "healthz"}, {.name = "pay", .attributes = {{"drop", "yes"}}}}));
    CHECK(f.out() == Lines{"buy"});
    CHECK(f.counter("otelcol_processor_filter_spans_filtered") == 2);
    f.world.check_conservation();
  }
}

TEST_CASE("filter: a resource or a scope goes with all its items") {
  for (std::string_view yaml : {R"({traces: {resource: ['attributes["service.name"] == "probe"']}})",
                                R"({trace_conditions: ['resource.attributes["service.name"] == "probe"']})"}) {
    Fixture f(yaml);
    f.world.push(make_traces({{.name = "a"}, {.name = "b", .service = "probe"}, {.name = "c", .service = "probe"}}));
    CHECK(f.out() == Lines{"a"});
  }
  Fixture f(R"({trace_conditions: ['scope.name == ""']})");
  auto push = f.world.push(make_traces({{.name = "a"}}));
  CHECK(f.world.take().empty());
  REQUIRE(f.world.answer(push).has_value());
  CHECK_FALSE(*f.world.answer(push));  // OK: it was meant to go
}

TEST_CASE("filter: span events go alone, spans without dropped events keep their bytes") {
  Fixture f(R"({trace_conditions: ['spanevent.name == "ev2" and spanevent.attributes["of"] == "a"']})");
  otlp::Batch batch = traces_with_events();
  std::string untouched(batch.groups()[0].scopes[0].items[1].raw);
  f.world.push(std::move(batch));
  auto arrived = f.world.take();
  REQUIRE(arrived.size() == 1);
  auto& items = arrived[0].batch->groups()[0].scopes[0].items;
  CHECK(items[1].raw == untouched);
  CHECK(Fixture::print(Signal::traces, items[0], arrived[0].batch->arena()) == "a ev1 ev3");
  CHECK(Fixture::print(Signal::traces, items[1], arrived[0].batch->arena()) == "b ev1 ev2 ev3");
}

TEST_CASE("filter: what stays is sent on as it came") {
  Fixture f(R"({trace_conditions: ['span.name == "x"', 'span.attributes["x"] == 1', 'spanevent.name == "x"']})");
  otlp::Batch batch = traces_with_events();
  std::string before = encoded(batch);
  f.world.push(std::move(batch));
  auto arrived = f.world.take();
  REQUIRE(arrived.size() == 1);
  CHECK(encoded(*arrived[0].batch) == before);
}

TEST_CASE("filter: metrics, and data points with their metric when it has none left") {
  Fixture by_metric(R"({metric_conditions: ['metric.name == "req"']})", Signal::metrics);
  by_metric.world.push(metrics());
  CHECK(by_metric.out() == Lines{"cpu 2", "lat 2"});
  CHECK(by_metric.counter("otelcol_processor_filter_datapoints_filtered") == 2);
  Fixture by_point(R"({metrics: {datapoint: ['attributes["code"] == "500"', 'metric.type == METRIC_DATA_TYPE_HISTOGRAM']}})", Signal::metrics);
  by_point.world.push(metrics());
  CHECK(by_point.out() == Lines{"cpu 1", "req 1"});
  CHECK(by_point.counter("otelcol_processor_filter_datapoints_filtered") == 4);
}

TEST_CASE("filter: log records") {
  Fixture f(R"({log_conditions: [{context: log, conditions: [severity_number < SEVERITY_NUMBER_INFO]}]})", Signal::logs);
  f.world.push(logs());
  CHECK(f.out() == Lines{"s9", "s17"});
  CHECK(f.counter("otelcol_processor_filter_logs_filtered") == 2);
}

TEST_CASE("filter: a condition that fails does not hold, or refuses the batch") {
  constexpr std::string_view failing = R"(ParseJSON(log.body) == "x")";
  for (std::string_view mode : {"ignore", "silent"}) {
    Fixture f(fmt::format("{{error_mode: {}, log_conditions: ['{}', 'log.severity_number == 9']}}", mode, failing), Signal::logs);
    f.world.push(logs());
    CHECK(f.out() == Lines{"s0", "s5", "s17"});
  }
  Fixture f(fmt::format("{{error_mode: propagate, log_conditions: ['{}']}}", failing), Signal::logs);
  auto push = f.world.push(logs());
  CHECK(f.world.take().empty());
  REQUIRE(*f.world.answer(push));
  CHECK((*f.world.answer(push))->code == Errc::retryable);
  // A block's own mode counts.
  Fixture own(fmt::format("{{error_mode: propagate, log_conditions: [{{error_mode: silent, conditions: ['{}']}}]}}", failing), Signal::logs);
  own.world.push(logs());
  CHECK(own.out().size() == 4);
}

TEST_CASE("filter: include and exclude") {
  struct Row {
    std::string_view yaml;
    Lines left;
  };
  const Row spans[] = {
      {"{spans: {include: {match_type: strict, services: [shop]}, exclude: {match_type: regexp, span_names: [^h]}}}", {"buy"}},
      {"{spans: {exclude: {match_type: strict, services: [shop]}}}", {"pay"}},
  };
  for (auto& row : spans) {
    CAPTURE(row.yaml);
    Fixture f(row.yaml);
    f.world.push(make_traces({{.name = "buy"}, {.name = "healthz"}, {.name = "pay", .service = "cart"}}));
    CHECK(f.out() == row.left);
  }
  const Row records[] = {
      {"{logs: {include: {severity_number: {min: INFO}}}}", {"s9", "s17"}},
      {"{logs: {include: {severity_number: {min: warn, match_undefined: true}}}}", {"s0", "s17"}},
      {"{logs: {exclude: {match_type: strict, severity_texts: [ERROR]}}}", {"s0", "s5", "s9"}},
      {"{logs: {include: {match_type: regexp, bodies: ['^s[05]']}}}", {"s0", "s5"}},
      {"{logs: {exclude: {match_type: strict, record_attributes: [{key: n, value: 9}]}}}", {"s0", "s5", "s17"}},
      {"{logs: {include: {match_type: strict}}}", {"s0", "s5", "s9", "s17"}},
  };
  for (auto& row : records) {
    CAPTURE(row.yaml);
    Fixture f(row.yaml, Signal::logs);
    f.world.push(logs());
    CHECK(f.out() == row.left);
  }
  const Row points[] = {
      {"{metrics: {include: {match_type: strict, metric_names: [cpu, req]}, exclude: {match_type: regexp, metric_names: [r]}}}", {"cpu 2"}},
      {"{metrics: {exclude: {match_type: expr, expressions: ['MetricName == \"cpu\"', 'HasLabel(\"lat\")']}}}", {"req 2"}},
      {"{metrics: {include: {match_type: expr, expressions: ['Label(\"code\") == \"500\" && MetricType in [\"Sum\", \"Gauge\"]']}}}", {"cpu 2", "req 2"}},
      {"{metrics: {exclude: {match_type: strict, resource_attributes: [{key: nope}]}}}", {"cpu 2", "req 2", "lat 2"}},
      {"{metrics: {include: {match_type: strict, resource_attributes: [{key: nope}]}}}", {}},
  };
  for (auto& row : points) {
    CAPTURE(row.yaml);
    Fixture f(row.yaml, Signal::metrics);
    f.world.push(metrics());
    CHECK(f.out() == row.left);
  }
}

TEST_CASE("filter: an expression that gets what it cannot work on refuses the batch") {
  Fixture f(R"({metrics: {exclude: {match_type: expr, expressions: ['MetricName > 1']}}})", Signal::metrics);
  auto push = f.world.push(metrics());
  CHECK(f.world.take().empty());
  CHECK(*f.world.answer(push));
}

TEST_CASE("filter: settings that make no sense are refused") {
  for (std::string_view yaml : {
           "{error_mode: weird}",
           "{traces: {span: ['nosuch == 1']}}",
           "{traces: {span: ['attributes[']}}",
           "{trace_conditions: ['true']}",                                    // of which context?
           "{trace_conditions: ['log.body == 1']}",
           "{trace_conditions: [{context: log, conditions: ['true']}]}",
           "{trace_conditions: ['span.name == \"a\"', {conditions: ['span.name == \"a\"']}]}",
           "{trace_conditions: [null]}",
           "{trace_conditions: ['span.name == \"a\"'], traces: {span: []}}",
           "{traces: {span: ['true']}, spans: {include: {match_type: strict, services: [a]}}}",
           "{logs: {log_record: ['true'], include: {match_type: strict, bodies: [a]}}}",
           "{metrics: {metric: ['true'], exclude: {match_type: strict, metric_names: [a]}}}",
           "{metric_conditions: ['metric.name == \"a\"'], metrics: {exclude: {match_type: strict, metric_names: [a]}}}",
           "{logs: {include: {severity_number: {min: LOUD}}}}",
       }) {
    CAPTURE(yaml);
    std::string problems;
    CHECK(decode(yaml, &problems) == nullptr);
    CHECK_FALSE(problems.empty());
  }
}

TEST_CASE("filter: include and exclude that cannot work are found before anything starts") {
  engine::Factory factory = processors::filter::factory();
  struct {
    std::string_view yaml;
    Signal signal;
  } const rows[] = {
      {"{spans: {include: {match_type: strict, log_bodies: [a]}}}", Signal::traces},
      {"{logs: {include: {bodies: [a]}}}", Signal::logs},
      {"{metrics: {include: {metric_names: [a]}}}", Signal::metrics},
      {"{metrics: {include: {match_type: expr, expressions: ['nosuch']}}}", Signal::metrics},
      {"{metrics: {include: {match_type: regexp, metric_names: ['(']}}}", Signal::metrics},
  };
  for (auto& row : rows) {
    CAPTURE(row.yaml);
    auto config = decode(row.yaml);
    CHECK_FALSE(factory.check(config.get(), row.signal).has_value());
  }
}

TEST_CASE("filter: a metric without points that matched nothing stays, though nothing counts any more") {
  Fixture f(R"({metrics: {metric: ['name == "goes"']}})", Signal::metrics);
  otlp::Batch batch(Signal::metrics);
  Arena& arena = batch.arena();
  auto& items = batch.groups().emplace_back().scopes.emplace_back().items;
  auto* goes = arena.make<otlp::Metric>();
  goes->name = "goes";
  goes->type = otlp::MetricType::gauge;
  goes->points.push_back(arena, {});
  items.push_back(otlp::Item::of(goes, 1));
  auto* stays = arena.make<otlp::Metric>();
  stays->name = "stays";
  stays->type = otlp::MetricType::gauge;
  items.push_back(otlp::Item::of(stays, 0));
  batch.prune();
  f.world.push(std::move(batch));
  f.world.advance(1s);
  CHECK(f.out() == Lines{"stays 0"});
}

TEST_CASE("filter: expressions need their match_type") {
  for (std::string way : {"include", "exclude"}) {
    auto config = decode("{metrics: {" + way + ": {match_type: regexp, metric_names: [a], expressions: ['MetricName == \"cpu\"']}}}");
    CHECK_FALSE(processors::filter::factory().check(config.get(), Signal::metrics));
  }
}
