#include "components/processors/attributes/attributes.h"

#include <doctest/doctest.h>

#include "config/yaml.h"
#include "engine/testing.h"

namespace weir::processors::attributes {
engine::Factory factory();
}

using namespace weir;
using namespace weir::engine::testing;
using engine::Signal;

namespace {

struct Fixture {
  Fixture(std::string_view yaml, Signal signal = Signal::traces) : world(2, 1) {
    config::Problems problems;
    auto value = config::parse_yaml(yaml);
    REQUIRE(value.has_value());
    auto config = factory.decode(&*value, problems);
    REQUIRE_MESSAGE(config != nullptr, problems.to_string());
    world.add(factory, "attributes", config);
    world.pipeline(std::string(to_string(signal)), signal, {"source"}, {"attributes"}, {"sink"});
    world.start();
  }
  ~Fixture() { world.stop(); }
  // Name and attributes of each item that came out.
  template <class T>
  std::vector<std::string> out() {
    std::vector<std::string> text;
    for (auto& arrived : world.take())
      for (auto& group : arrived.batch->groups())
        for (auto& scope : group.scopes)
          for (auto& item : scope.items) print(item.read<T>(arrived.batch->arena()), text);
    return text;
  }
  static void print(const otlp::Span& span, std::vector<std::string>& to) { add(span.name, span.attributes, to); }
  static void print(const otlp::LogRecord& record, std::vector<std::string>& to) { add(record.body.text, record.attributes, to); }
  static void print(const otlp::Metric& metric, std::vector<std::string>& to) {
    for (auto& point : metric.points) add(metric.name, point.attributes, to);
  }
  static void add(std::string_view name, otlp::Attributes attributes, std::vector<std::string>& to) {
    to.push_back(fmt::format("{} {}", name, otlp::to_text(otlp::Value::of(&attributes))));
  }

  engine::Factory factory = processors::attributes::factory();
  World world;
};

using Lines = std::vector<std::string>;

otlp::Batch reparsed(otlp::Batch batch) {
  std::string bytes;
  for (auto& piece : batch.encode()) bytes += piece.view();
  auto parsed = otlp::Batch::parse(batch.signal(), Bytes::take(std::move(bytes)));
  REQUIRE(parsed.has_value());
  return std::move(*parsed);
}

template <class T>
otlp::Batch of_items(Signal signal, const std::vector<std::function<void(T&, Arena&)>>& fill) {
  otlp::Batch batch(signal);
  Arena& arena = batch.arena();
  auto& scope = batch.groups().emplace_back().scopes.emplace_back();
  for (auto& f : fill) {
    T* item = arena.make<T>();
    f(*item, arena);
    scope.items.push_back(otlp::Item::of(item));
  }
  batch.prune();
  return reparsed(std::move(batch));
}

}  // namespace

TEST_CASE("attributes: spans that are selected change, others do not") {
  Fixture f(R"(
    include: {match_type: strict, services: [shop]}
    exclude: {match_type: regexp, span_names: [^health]}
    actions: [{key: hit, value: 1, action: insert}])");
  f.world.push(make_traces({{.name = "buy"}, {.name = "healthz"}, {.name = "buy", .service = "cart"}}));
  CHECK(f.out<otlp::Span>() == Lines{R"(buy {"hit":1})", "healthz {}", "buy {}"});
}

TEST_CASE("attributes: log records") {
  Fixture f("{include: {match_type: strict, log_bodies: [a]}, actions: [{key: k, action: delete}]}", Signal::logs);
  auto record = [](std::string_view body) {
    return [body](otlp::LogRecord& r, Arena& arena) {
      r.body = otlp::Value::of(body);
      r.attributes.set(arena, "k", otlp::Value::of(std::int64_t{1}));
    };
  };
  f.world.push(of_items<otlp::LogRecord>(Signal::logs, {record("a"), record("b")}));
  CHECK(f.out<otlp::LogRecord>() == Lines{"a {}", R"(b {"k":1})"});
}

TEST_CASE("attributes: all points of a metric, whatever its type") {
  Fixture f("{exclude: {match_type: strict, metric_names: [m0]}, actions: [{key: k, value: x, action: upsert}]}", Signal::metrics);
  std::vector<std::function<void(otlp::Metric&, Arena&)>> metrics;
  for (int type = 0; type < 6; ++type)
    metrics.push_back([type](otlp::Metric& m, Arena& arena) {
      m.name = arena.copy(fmt::format("m{}", type));
      m.type = type == 0 ? otlp::MetricType::gauge : static_cast<otlp::MetricType>(type);
      m.points.push_back(arena, {});
      m.points.push_back(arena, {});
    });
  otlp::Batch batch = of_items<otlp::Metric>(Signal::metrics, metrics);
  f.world.push(std::move(batch));
  Lines expected{"m0 {}", "m0 {}"};
  for (int type = 1; type < 6; ++type)
    for (int i = 0; i < 2; ++i) expected.push_back(fmt::format(R"(m{} {{"k":"x"}})", type));
  CHECK(f.out<otlp::Metric>() == expected);
}

TEST_CASE("attributes: spans that come out the same keep their bytes, unknown order and all") {
  // Field 5 (name) before field 1 (trace_id): our encoder would write them the other way round.
  auto span = [](std::string_view name) {
    otlp::Writer w;
    w.bytes(1, std::string(16, 'x'));
    w.bytes(5, name);
    return std::string(w.view());
  };
  otlp::Writer w;
  std::size_t mark = w.size();
  w.bytes(2, span("second"));
  w.bytes(2, span("first"));
  w.close(2, mark);
  w.close(1, mark);
  std::string request(w.view());
  auto encoded_after = [&](std::string_view yaml) {
    Fixture f(yaml);
    auto batch = otlp::Batch::parse(Signal::traces, Bytes::copy_of(request));
    REQUIRE(batch.has_value());
    f.world.push(std::move(*batch));
    std::string out;
    for (auto& arrived : f.world.take())
      for (auto& piece : arrived.batch->encode()) out += piece.view();
    return out;
  };
  CHECK(encoded_after("actions: [{key: nope, action: delete}]") == request);
  CHECK(encoded_after("actions: [{pattern: nope, action: delete}]") == request);
  CHECK(encoded_after("{include: {match_type: strict, span_names: [x]}, actions: [{key: a, value: 1, action: insert}]}") == request);
  CHECK(encoded_after("actions: [{key: a, value: 1, action: insert}]") != request);
}

TEST_CASE("attributes: settings of another signal are found before anything starts") {
  config::Problems problems;
  auto value = config::parse_yaml("{include: {match_type: strict, span_names: [x]}, actions: [{key: a, action: delete}]}");
  engine::Factory factory = processors::attributes::factory();
  auto config = factory.decode(&*value, problems);
  REQUIRE(config != nullptr);
  CHECK(factory.check(config.get(), Signal::traces).has_value());
  CHECK_FALSE(factory.check(config.get(), Signal::logs).has_value());
  CHECK_FALSE(factory.check(config.get(), Signal::metrics).has_value());
}
