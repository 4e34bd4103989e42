#include "weir/load.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::app;

TEST_CASE("the embedded default loads without a complaint and says where things are") {
  config::Problems problems;
  Options options{.data_dir = "/var/lib/weir"};
  auto loaded = load(options, problems);
  std::string said = problems.to_string();
  CHECK(said == "");
  REQUIRE(loaded);
  std::string text = welcome_text(options, *loaded);
  CHECK(std::count(text.begin(), text.end(), '\n') == 3);
  for (std::string_view part : {"OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318", "localhost:4317", "/var/lib/weir/traces.jsonl",
                                "http://localhost:13133/", "http://localhost:8888/metrics"}) {
    CAPTURE(part);
    CHECK(text.find(part) != text.npos);
  }
}

TEST_CASE("--set changes the embedded default, and the greeting with it") {
  config::Problems problems;
  Options options{.sets = {"receivers.otlp.protocols.http.endpoint=localhost:14318", "service.telemetry.metrics.level=none"}};
  auto loaded = load(options, problems);
  REQUIRE(loaded);
  std::string text = welcome_text(options, *loaded);
  CHECK(text.find("http://localhost:14318") != text.npos);
  CHECK(text.find("Own metrics: off") != text.npos);
}
