#include <doctest/doctest.h>

#include "components/connectors/exceptions/config.h"
#include "components/shared/trace_writer/testing.h"
#include "engine/decode.h"
#include "engine/testing.h"

namespace weir::connectors::exceptions {
engine::Factory factory();
}

using namespace weir;
using namespace weir::engine::testing;
using connectors::exceptions::Config;
using engine::Signal;

namespace {

const engine::Factory exceptions_factory = connectors::exceptions::factory();

constexpr std::string_view request = R"({"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeSpans":[{"scope":{"name":"lib"},"spans":[
  {"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708","name":"pay","kind":2,"status":{"code":2},"attributes":[{"key":"k","value":{"stringValue":"v"}}],"events":[
    {"timeUnixNano":"5","name":"exception","attributes":[{"key":"exception.type","value":{"stringValue":"E"}},{"key":"exception.stacktrace","value":{"stringValue":"at x"}}]},
    {"name":"other"},{"timeUnixNano":"6","name":"exception","attributes":[{"key":"exception.type","value":{"stringValue":"E"}}]}]}]}]},
  {"scopeSpans":[{"spans":[{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708","events":[{"name":"exception"}]}]}]}]})";

std::string arrived(World& world) {
  std::string out;
  for (auto& one : world.take()) out += otlp::to_json(*one.batch);
  return out;
}

World& start(World& world, Signal to, Config config = {}) {
  world.add(exceptions_factory, "exceptions", std::make_shared<const Config>(std::move(config)));
  world.pipeline("traces", Signal::traces, {"source"}, {}, {"exceptions"});
  world.pipeline(std::string(to_string(to)), to, {"exceptions"}, {}, {"sink"});
  world.start();
  return world;
}

}  // namespace

TEST_CASE("exceptions: log records") {
  World world(1, 1);
  start(world, Signal::logs).push(weir::testing::batch_of(request));
  std::string out = arrived(world);
  CAPTURE(out);
  for (std::string_view part : {R"("scope":{"name":"lib"})", R"("timeUnixNano":"5","severityNumber":17,"severityText":"ERROR")", R"({"key":"k","value":{"stringValue":"v"}},{"key":"span.name","value":{"stringValue":"pay"}},{"key":"span.kind","value":{"stringValue":"SPAN_KIND_SERVER"}},{"key":"status.code","value":{"stringValue":"STATUS_CODE_ERROR"}},{"key":"service.name","value":{"stringValue":"shop"}},{"key":"exception.type","value":{"stringValue":"E"}},{"key":"exception.stacktrace","value":{"stringValue":"at x"}})",
                                R"("traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708")"})
    CHECK_MESSAGE(out.find(part) != out.npos, part);
  world.check_conservation();
  world.stop();
}

TEST_CASE("exceptions: one counter for all cores, bounded") {
  World world(2, 1);
  Config config;
  config.exemplars.enabled = true;
  config.max_series = 1;
  start(world, Signal::metrics, config);
  world.push(weir::testing::batch_of(request), 0);
  arrived(world);
  world.push(weir::testing::batch_of(request), 1);
  std::string out = arrived(world);
  CAPTURE(out);
  CHECK(out.find(R"("name":"exceptions")") != out.npos);
  CHECK(out.find(R"("asInt":"4")") != out.npos);
  CHECK(out.find(R"("exemplars":[{)") != out.npos);
  std::string other(request);
  other.replace(other.find("pay"), 3, "buy");
  world.push(weir::testing::batch_of(other));
  out = arrived(world);
  CAPTURE(out);
  CHECK(out.find(R"({"key":"otel.metric.overflow","value":{"stringValue":"true"}})") != out.npos);
  world.check_conservation();
  world.stop();
}
