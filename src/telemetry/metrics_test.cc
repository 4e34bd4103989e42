#include "telemetry/metrics.h"

#include <doctest/doctest.h>

#include "telemetry/detail.h"
#include "telemetry/owned.h"

using namespace weir::telemetry;

TEST_CASE("cells of several cores are one series") {
  Registry registry;
  registry.counter("spans", "Spans.", {{"receiver", "otlp"}}).add(2);
  registry.counter("spans", "Spans.", {{"receiver", "otlp"}}).add(3);
  registry.counter("spans", "Spans.", {{"receiver", "b\"c"}}).add(1);
  CHECK(prometheus_text(registry.collect(), {{"service_name", "weir"}}) ==
        "# HELP spans Spans.\n# TYPE spans counter\n"
        "spans{receiver=\"otlp\",service_name=\"weir\"} 5\n"
        "spans{receiver=\"b\\\"c\",service_name=\"weir\"} 1\n");
}

TEST_CASE("a gauge goes with its owner, what was counted stays") {
  Registry registry;
  auto owner = [&](double held) {
    registry.counter("spans", "Spans.", {}).add(2);
    OwnedGauge gauge(registry, "held", "Held.", {{"processor", "p"}});
    gauge.set(held);
    return gauge;
  };
  for (double held : {3, 4, 5}) {
    OwnedGauge gauge = owner(held), other_core = owner(1);
    CHECK(prometheus_text(registry.collect(), {}).starts_with(fmt::format("# HELP held Held.\n# TYPE held gauge\nheld{{processor=\"p\"}} {}\n", held + 1)));
  }
  CHECK(prometheus_text(registry.collect(), {}) == "# HELP spans Spans.\n# TYPE spans counter\nspans 12\n");
}

TEST_CASE("series of one owner go with it, whatever their type") {
  Registry registry;
  double bounds[] = {1};
  {
    OwnedCounter taken(registry, "taken", "Taken.", {{"endpoint", "a:1"}}), of_other_core(registry, "taken", "Taken.", {{"endpoint", "a:1"}});
    OwnedHistogram latency(registry, "latency", "Latency.", bounds, {{"endpoint", "a:1"}});
    taken->add(2);
    of_other_core->add(3);
    latency->observe(5);
    CHECK(prometheus_text(registry.collect(), {}) ==
          "# HELP latency Latency.\n# TYPE latency histogram\nlatency_bucket{endpoint=\"a:1\",le=\"1\"} 0\n"
          "latency_bucket{endpoint=\"a:1\",le=\"+Inf\"} 1\nlatency_sum{endpoint=\"a:1\"} 5\nlatency_count{endpoint=\"a:1\"} 1\n"
          "# HELP taken Taken.\n# TYPE taken counter\ntaken{endpoint=\"a:1\"} 5\n");
  }
  CHECK(registry.collect().empty());
}

TEST_CASE("histograms are cumulative in the text and exact at the bounds") {
  Registry registry;
  double bounds[] = {1, 2.5};
  auto& h = registry.histogram("size", "Size.", bounds, {});
  h.observe(1);
  h.observe(2);
  h.observe(9);
  CHECK(prometheus_text(registry.collect(), {}) ==
        "# HELP size Size.\n# TYPE size histogram\nsize_bucket{le=\"1\"} 1\nsize_bucket{le=\"2.5\"} 2\n"
        "size_bucket{le=\"+Inf\"} 3\nsize_sum 12\nsize_count 3\n");
}

TEST_CASE("a source is asked at each read until its token goes") {
  Registry registry;
  auto token = registry.add_source([](std::vector<Family>& out) {
    out.push_back({"up", "Up.", "", Type::gauge, {Sample{.labels = {}, .value = 1}}});
  });
  CHECK(registry.collect().size() == 1);
  token.reset();
  CHECK(registry.collect().empty());
}

TEST_CASE("status codes in the spelling of the semantic conventions") {
  CHECK(upper_snake("OK") == "OK");
  CHECK(upper_snake("DeadlineExceeded") == "DEADLINE_EXCEEDED");
  CHECK(upper_snake("Unavailable") == "UNAVAILABLE");
}
