#include "components/connectors/routing/routing.h"

#include <doctest/doctest.h>

#include "engine/decode.h"
#include "engine/testing.h"
#include "otlp/json.h"

namespace weir::connectors::routing {
engine::Factory factory();
}

using namespace weir;
using namespace weir::engine::testing;
using connectors::routing::Action;
using connectors::routing::Config;
using connectors::routing::RequestCondition;
using connectors::routing::Route;
using engine::Signal;

namespace {

const engine::Factory factory = connectors::routing::factory();

// Pipelines a and b and, for the rest, other; all of them end in a sink of their name.
struct Bench {
  Bench(Signal signal, std::vector<Route> table, bool others = true, ottl::ErrorMode mode = ottl::ErrorMode::propagate) : world(2, 1), signal_(signal) {
    std::string kind(to_string(signal));
    for (auto& route : table)
      for (auto& pipeline : route.pipelines) pipeline = kind + "/" + pipeline;
    Config config{.error_mode = mode, .table = std::move(table)};
    if (others) config.default_pipelines = {kind + "/other"};
    world.add(factory, "routing", std::make_shared<const Config>(std::move(config)));
    world.pipeline(kind + "/in", signal, {"source"}, {}, {"routing"});
    for (std::string name : {"a", "b", "other"}) world.pipeline(kind + "/" + name, signal, {"routing"}, {}, {"sink/" + name});
    world.start();
  }
  std::optional<Error> push(otlp::Batch batch) {
    auto number = world.push(std::move(batch));
    REQUIRE(world.answer(number));
    return *world.answer(number);
  }
  // What came to a sink: "service:item item ...; ..." for each resource.
  std::string at(std::string_view sink) {
    std::string out;
    for (auto& arrived : world.take(fmt::format("sink/{}", sink)))
      for (auto& group : arrived.batch->groups()) {
        auto* service = group.resource.read(arrived.batch->arena()).attributes.find("service.name");
        out += fmt::format("{}{}:", out.empty() ? "" : "; ", service ? otlp::to_text(*service) : "-");
        for (auto& scope : group.scopes)
          for (auto& item : scope.items) out += (out.ends_with(':') ? "" : " ") + name(item, arrived.batch->arena());
      }
    return out;
  }

  World world;

 private:
  std::string name(otlp::Item& item, Arena& arena) {
    if (signal_ == Signal::traces) return std::string(item.read<otlp::Span>(arena).name);
    if (signal_ == Signal::logs) return otlp::to_text(item.read<otlp::LogRecord>(arena).body);
    auto& metric = item.read<otlp::Metric>(arena);
    std::string out(metric.name);
    for (auto& point : metric.points) out += fmt::format("={}", point.integer);
    CHECK(item.points == metric.points.size());
    return out;
  }
  Signal signal_;
};

SpanSpec span(std::string name, std::string service, std::int32_t status = 0) { return {.name = std::move(name), .service = std::move(service), .status = status}; }

otlp::Batch from_json(Signal signal, std::string_view text) {
  auto bytes = otlp::json_to_protobuf(signal, text);
  REQUIRE(bytes);
  auto batch = otlp::Batch::parse(signal, std::move(*bytes));
  REQUIRE(batch);
  return std::move(*batch);
}

otlp::Batch metrics() {
  return from_json(Signal::metrics, R"({"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeMetrics":[{"metrics":[
    {"name":"m1","gauge":{"dataPoints":[{"asInt":"1"},{"asInt":"2"},{"asInt":"3"}]}},
    {"name":"m2","sum":{"dataPoints":[{"asInt":"3"}]}},
    {"name":"m3","gauge":{"dataPoints":[{"asInt":"1"}]}}]}]}]})");
}

}  // namespace

TEST_CASE("routing: resources take the first route that holds, the rest the default") {
  Bench bench(Signal::traces, {{.condition = R"(attributes["service.name"] == "shop")", .pipelines = {"a"}},
                               {.statement = R"(route() where IsMatch(resource.attributes["service.name"], "^s"))", .pipelines = {"b"}}});
  CHECK(!bench.push(make_traces({span("1", "shop"), span("2", "till"), span("3", "stock"), span("4", "shop")})));
  CHECK(bench.at("a") == "shop:1 4");
  CHECK(bench.at("b") == "stock:3");
  CHECK(bench.at("other") == "till:2");
  bench.world.check_conservation();
}

TEST_CASE("routing: spans leave their resource, which stays for the others; the context is told by the path") {
  Bench bench(Signal::traces, {{.condition = "span.status.code == STATUS_CODE_ERROR", .pipelines = {"a"}}, {.context = "span", .condition = R"(name == "2")", .pipelines = {"b"}}});
  CHECK(!bench.push(make_traces({span("1", "shop", 2), span("2", "shop"), span("3", "shop"), span("2", "till", 2)})));
  CHECK(bench.at("a") == "shop:1; till:2");
  CHECK(bench.at("b") == "shop:2");
  CHECK(bench.at("other") == "shop:3");
  bench.world.check_conservation();
}

TEST_CASE("routing: a copy is looked at by the routes below and by the default") {
  Bench bench(Signal::traces, {{.condition = R"(span.name == "1")", .pipelines = {"a", "b"}, .action = Action::copy}, {.condition = R"(span.name != "3")", .pipelines = {"b"}}});
  CHECK(!bench.push(make_traces({span("1", "shop"), span("2", "shop"), span("3", "shop")})));
  CHECK(bench.at("a") == "shop:1");
  CHECK(bench.at("b") == "shop:1; shop:1 2");
  CHECK(bench.at("other") == "shop:3");
  bench.world.check_conservation();
}

TEST_CASE("routing: what no route holds for is dropped and counted without a default") {
  Bench bench(Signal::traces, {{.condition = R"(span.name == "1")", .pipelines = {"a"}}}, false);
  CHECK(!bench.push(make_traces({span("1", "shop"), span("2", "shop")})));
  CHECK(bench.at("a") == "shop:1");
  std::uint64_t dropped = 0;
  for (auto& row : bench.world.engine().ledger(true)) dropped += row.dropped[static_cast<std::size_t>(engine::Reason::unroutable)];
  CHECK(dropped == 1);
}

TEST_CASE("routing: a statement may remove attributes from what takes the route") {
  Bench bench(Signal::traces, {{.statement = R"(delete_key(resource.attributes, "service.name") where resource.attributes["service.name"] == "shop")", .pipelines = {"a"}}});
  CHECK(!bench.push(make_traces({span("1", "shop"), span("2", "till")})));
  CHECK(bench.at("a") == "-:1");
  CHECK(bench.at("other") == "till:2");
}

TEST_CASE("routing: metrics, and data points out of the middle of a metric") {
  Bench bench(Signal::metrics, {{.condition = "datapoint.value_int == 3", .pipelines = {"a"}}, {.condition = R"(metric.name == "m3")", .pipelines = {"b"}}});
  CHECK(!bench.push(metrics()));
  CHECK(bench.at("a") == "shop:m1=3 m2=3");
  CHECK(bench.at("b") == "shop:m3=1");
  CHECK(bench.at("other") == "shop:m1=1=2");
  bench.world.check_conservation();
}

TEST_CASE("routing: log records") {
  Bench bench(Signal::logs, {{.context = "log", .condition = "severity_number < SEVERITY_NUMBER_ERROR", .pipelines = {"a"}}});
  CHECK(!bench.push(from_json(Signal::logs, R"({"resourceLogs":[{"scopeLogs":[{"logRecords":[{"severityNumber":9,"body":{"stringValue":"low"}},
    {"severityNumber":17,"body":{"stringValue":"high"}}]}]}]})")));
  CHECK(bench.at("a") == "-:low");
  CHECK(bench.at("other") == "-:high");
}

TEST_CASE("routing: a condition that fails refuses the batch, or is passed over") {
  std::vector<Route> table = {{.condition = R"(span.name == "1")", .pipelines = {"a"}}, {.condition = R"(span.name == "0")", .pipelines = {"a"}, .action = Action::copy},
                              {.condition = R"(ParseInt(span.name, 10) > 5)", .pipelines = {"b"}}};
  auto batch = [] { return make_traces({span("1", "shop"), span("7", "shop"), span("x", "shop"), span("0", "shop")}); };
  {
    Bench bench(Signal::traces, table);
    auto error = bench.push(batch());
    REQUIRE(error);
    CHECK(error->what.find("ParseInt") != std::string::npos);
    CHECK(bench.at("a") == "");
    bench.world.check_conservation();
  }
  Bench bench(Signal::traces, table, true, ottl::ErrorMode::silent);
  CHECK(!bench.push(batch()));
  CHECK(bench.at("b") == "shop:7");
  CHECK(bench.at("other") == "shop:x 0");
  bench.world.check_conservation();
}

TEST_CASE("routing: by what the request said") {
  Bench bench(Signal::traces, {{.context = "request", .condition = R"(request["X-Tenant"] == "acme")", .pipelines = {"a"}},
                               {.condition = R"(otelcol.client.metadata["x-tenant"][0] == "ecorp")", .pipelines = {"b"}}});
  auto from = [](std::string tenant) {
    otlp::Batch batch = make_traces({span(tenant, "shop")});
    auto context = std::make_shared<otlp::Context>();
    context->metadata["x-tenant"] = {tenant};
    batch.context = context;
    return batch;
  };
  CHECK(!bench.push(from("acme")));
  CHECK(!bench.push(from("ecorp")));
  CHECK(!bench.push(make_traces({span("none", "shop")})));
  CHECK(bench.at("a") == "shop:acme");
  CHECK(bench.at("b") == "shop:ecorp");
  CHECK(bench.at("other") == "shop:none");
}

TEST_CASE("routing: conditions on requests") {
  struct { std::string_view text; bool valid; } const rows[] = {
      {R"(request["a"] == "b")", true}, {R"( request["a"]!="b" )", true}, {R"(request["a"] = "b")", false}, {R"(request["a"] == b)", false},
      {R"(request[a] == "b")", false},  {R"(request["a"] == "b" == "c")", false}, {"", false},                 {R"(req["a"] == "b")", false}};
  for (auto& row : rows) {
    CAPTURE(row.text);
    CHECK(RequestCondition::parse(row.text).has_value() == row.valid);
  }
  otlp::Context sender;
  sender.metadata["a"] = {"x", "b"};
  CHECK(RequestCondition::parse(R"(request["A"] == "b")")->matches(&sender));
  CHECK(RequestCondition::parse(R"(request["A"] != "b")")->matches(&sender));
  CHECK(!RequestCondition::parse(R"(request["other"] != "b")")->matches(&sender));
  CHECK(!RequestCondition::parse(R"(request["a"] == "b")")->matches(nullptr));
}

TEST_CASE("routing: two routes with the same condition are one") {
  Bench bench(Signal::traces, {{.condition = R"(resource.attributes["service.name"] == "shop")", .pipelines = {"a"}, .action = Action::copy},
                               {.context = "resource", .condition = R"(resource.attributes["service.name"] == "shop")", .pipelines = {"b"}}});
  CHECK(!bench.push(make_traces({span("1", "shop")})));
  CHECK(bench.at("a") == "shop:1");
  CHECK(bench.at("b") == "");
  CHECK(bench.at("other") == "shop:1");
}

TEST_CASE("routing: settings that cannot be") {
  auto error = [](Route route) {
    auto made = connectors::routing::CompiledRoute::make(route);
    return made ? std::string() : made.error().what;
  };
  CHECK(error({}) == "invalid route: no condition or statement provided");
  CHECK(error({.statement = "route()", .condition = "true"}) == "invalid route: both condition and statement provided");
  CHECK(error({.context = "request", .statement = "route()"}) == "\"request\" context requires a 'condition'");
  CHECK(error({.context = "scope", .condition = "true"}).starts_with("invalid context: scope"));
  CHECK(error({.statement = R"(set(span.name, "x"))"}).find("set is not a function of routes") != std::string::npos);
  CHECK(error({.condition = "nonsense =="}).find("route() where nonsense ==") != std::string::npos);
  CHECK(error({.statement = "route()"}) == "");
}
