#include <doctest/doctest.h>

#include "components/shared/matching/selection.h"
#include "config/yaml.h"

using namespace weir;
using namespace weir::matching;
using otlp::Signal;
using otlp::Value;

namespace {

std::optional<Properties> read(std::string_view yaml, std::string* problems_text = nullptr) {
  config::Problems problems;
  auto value = config::parse_yaml(yaml);
  REQUIRE(value.has_value());
  auto properties = config::decode<Properties>(&*value, problems);
  if (problems_text) *problems_text = problems.to_string();
  return properties;
}

Selection selection(std::string_view include, std::string_view exclude, Signal signal) {
  auto in = read(include), out = read(exclude);
  REQUIRE(in.has_value());
  REQUIRE(out.has_value());
  auto made = Selection::make(&*in, &*out, signal);
  REQUIRE_MESSAGE(made.has_value(), made.error().what);
  return std::move(*made);
}

// What the tests below select from: a server span "GET /a" of service checkout in scope lib.a 1.2.3.
struct Sample {
  Sample() {
    resource.attributes.set(arena, "service.name", Value::of(std::string_view("checkout")));
    resource.attributes.set(arena, "tier", Value::of(std::string_view("gold")));
    scope.name = "lib.a";
    scope.version = "1.2.3";
    span.name = "GET /a";
    span.kind = otlp::Span::server;
    auto* items = arena.make<otlp::Array>();
    items->push_back(arena, Value::of(std::string_view("a")));
    for (auto* attributes : {&span.attributes, &record.attributes}) {
      attributes->set(arena, "n", Value::of(std::int64_t{5}));
      attributes->set(arena, "d", Value::of(2.75));
      attributes->set(arena, "b", Value::of(true));
      attributes->set(arena, "url", Value::of(std::string_view("http://h/users")));
      attributes->set(arena, "arr", Value::of(items));
    }
    record.body = Value::of(std::string_view("plain text password=1"));
    record.severity_text = "INFO";
    record.severity_number = 9;
    metric.name = "cpu.load";
  }
  bool takes(const Selection& s, Signal signal) const {
    auto here = s.in(resource, scope);
    if (signal == Signal::traces) return here.selects(span);
    return signal == Signal::logs ? here.selects(record) : here.selects(metric);
  }

  Arena arena;
  otlp::Resource resource;
  otlp::Scope scope;
  otlp::Span span;
  otlp::LogRecord record;
  otlp::Metric metric;
};

struct Row {
  Signal signal;
  std::string_view include;
  bool taken;
};

}  // namespace

TEST_CASE("include: what each property matches, as the collector has it") {
  constexpr auto T = Signal::traces, L = Signal::logs, M = Signal::metrics;
  const Row rows[] = {
      {T, "{}", true},
      {T, "{match_type: strict, services: [checkout]}", true},
      {T, "{match_type: strict, services: [cart]}", false},
      {T, "{match_type: strict, services: [cart, checkout]}", true},
      {T, "{match_type: regexp, services: ['^c.*t$']}", true},
      {T, "{match_type: strict, services: [checkout], span_names: [SELECT]}", false},
      {T, "{match_type: regexp, span_names: ['^GET']}", true},
      {T, "{match_type: strict, span_kinds: [SPAN_KIND_SERVER]}", true},
      {T, "{match_type: regexp, span_kinds: ['SERVER|CLIENT']}", true},
      {T, "{match_type: strict, span_kinds: [SPAN_KIND_CLIENT]}", false},
      {T, "{match_type: strict, resources: [{key: tier, value: gold}]}", true},
      {T, "{match_type: strict, resources: [{key: tier, value: gold}, {key: nope}]}", false},
      {T, "{match_type: strict, libraries: [{name: lib.a}]}", true},
      {T, "{match_type: strict, libraries: [{name: lib.a}, {name: lib.b}]}", false},
      {T, "{match_type: strict, libraries: [{name: lib.a, version: ''}]}", false},
      {T, "{match_type: regexp, libraries: [{name: lib, version: '1.*'}]}", true},
      {T, "{match_type: strict, attributes: [{key: n}]}", true},
      {T, "{match_type: strict, attributes: [{key: n, value: 5}]}", true},
      {T, "{match_type: strict, attributes: [{key: n, value: 5.0}]}", false},
      {T, "{match_type: strict, attributes: [{key: n, value: '5'}]}", false},
      {T, "{match_type: strict, attributes: [{key: arr, value: [a]}]}", true},
      {T, "{match_type: strict, attributes: [{key: n}, {key: nope}]}", false},
      {T, "{match_type: regexp, attributes: [{key: n, value: '^5$'}]}", true},
      {T, "{match_type: regexp, attributes: [{key: d, value: '^2.75$'}]}", true},
      {T, "{match_type: regexp, attributes: [{key: b, value: 'tru'}]}", true},
      {T, "{match_type: regexp, attributes: [{key: arr, value: 'a'}]}", false},
      {T, "{match_type: regexp, regexp: {cacheenabled: true, cachemaxnumentries: 10}, span_names: [a]}", true},
      {L, "{match_type: regexp, log_bodies: ['password=\\d']}", true},
      {L, "{match_type: strict, log_bodies: [other]}", false},
      {L, "{match_type: strict, log_severity_texts: [INFO]}", true},
      {L, "{match_type: strict, log_severity_number: {min: 9}}", true},
      {L, "{match_type: strict, log_severity_number: {min: 10}}", false},
      {L, "{match_type: strict, attributes: [{key: n, value: 5}]}", true},
      {M, "{match_type: strict, metric_names: [cpu.load]}", true},
      {M, "{match_type: regexp, metric_names: ['^mem', 'load$']}", true},
      {M, "{match_type: strict, metric_names: [mem]}", false},
      {M, "{match_type: strict, resources: [{key: tier, value: iron}]}", true},
  };
  Sample sample;
  for (auto& row : rows) {
    CAPTURE(row.include);
    CHECK(sample.takes(selection(row.include, "{}", row.signal), row.signal) == row.taken);
    // The same as exclude is the opposite, unless it says nothing.
    Selection excluded = selection("{}", row.include, row.signal);
    CHECK(sample.takes(excluded, row.signal) == (excluded.selective() ? !row.taken : true));
  }
}

TEST_CASE("exclude wins over include") {
  Sample sample;
  std::string_view service = "{match_type: strict, services: [checkout]}";
  CHECK_FALSE(sample.takes(selection(service, service, Signal::traces), Signal::traces));
  CHECK_FALSE(sample.takes(selection(service, "{match_type: strict, span_names: [GET /a]}", Signal::traces), Signal::traces));
  CHECK(sample.takes(selection(service, "{match_type: strict, span_names: [SELECT]}", Signal::traces), Signal::traces));
}

TEST_CASE("a scope is answered as a whole when items do not matter") {
  Sample sample;
  auto here = [&](std::string_view include, std::string_view exclude) {
    return std::make_unique<Selection>(selection(include, exclude, Signal::traces));
  };
  auto by_service = here("{match_type: strict, services: [checkout]}", "{}");
  CHECK(by_service->in(sample.resource, sample.scope).all());
  auto other = here("{match_type: strict, services: [cart], span_names: [x]}", "{}");
  CHECK(other->in(sample.resource, sample.scope).none());
  auto excluded = here("{}", "{match_type: strict, services: [checkout]}");
  CHECK(excluded->in(sample.resource, sample.scope).none());
  auto by_name = here("{match_type: strict, span_names: [x]}", "{}");
  CHECK_FALSE(by_name->in(sample.resource, sample.scope).all());
  CHECK_FALSE(by_name->in(sample.resource, sample.scope).none());
}

TEST_CASE("a resource without a service has the collector's name for it") {
  Sample sample;
  sample.resource.attributes.clear();
  CHECK(sample.takes(selection("{match_type: regexp, services: [nil-service]}", "{}", Signal::traces), Signal::traces));
}

TEST_CASE("a record without severity matches only when asked for") {
  Sample sample;
  sample.record.severity_number = 0;
  auto with = [&](std::string_view more) {
    return selection(fmt::format("{{match_type: strict, log_severity_number: {{min: 0{}}}}}", more), "{}", Signal::logs);
  };
  CHECK_FALSE(sample.takes(with(""), Signal::logs));
  CHECK(sample.takes(with(", match_undefined: true"), Signal::logs));
}

TEST_CASE("wrong settings are refused with their place") {
  struct {
    std::string_view yaml, said;
  } const rows[] = {
      {"span_names: [a]", "match_type: is required"},
      {"{match_type: glob, span_names: [a]}", "not one of strict, regexp"},
      {"{match_type: regexp, span_names: [a, '(']}", "span_names: invalid regular expression '('"},
      {"{match_type: regexp, attributes: [{key: n, value: 5}]}", "needs a string as value of 'n', got the number 5"},
      {"{match_type: strict, attributes: [{value: 5}]}", "can't have empty key"},
      {"{match_type: strict, span_kinds: [SERVER]}", "'SERVER' is not one of SPAN_KIND_CLIENT"},
      {"{match_type: strict, log_severity_number: {min: WARN}}", "expected an integer"},
      {"{match_type: regexp, libraries: [{name: '['}]}", "libraries: invalid regular expression"},
  };
  for (auto& row : rows) {
    CAPTURE(row.yaml);
    std::string problems;
    CHECK_FALSE(read(row.yaml, &problems));
    CHECK_MESSAGE(problems.find(row.said) != problems.npos, problems);
  }
}

TEST_CASE("properties of another signal are refused") {
  constexpr auto T = Signal::traces, L = Signal::logs, M = Signal::metrics;
  struct {
    Signal signal;
    std::string_view yaml;
  } const rows[] = {
      {T, "{match_type: strict, log_bodies: [x], span_names: [a]}"}, {T, "{match_type: strict, metric_names: [x]}"},
      {T, "{match_type: strict}"},                                   {T, "{match_type: expr, span_names: [x]}"},
      {L, "{match_type: strict, span_names: [x]}"},                  {L, "{match_type: strict, services: [x]}"},
      {L, "{match_type: strict}"},                                   {M, "{match_type: strict, attributes: [{key: a}]}"},
      {M, "{match_type: strict, services: [x]}"},                    {M, "{match_type: strict}"},
  };
  for (auto& row : rows) {
    CAPTURE(row.yaml);
    auto properties = read(row.yaml);
    REQUIRE(properties);
    CHECK_FALSE(Selection::make(&*properties, nullptr, row.signal).has_value());
  }
}
