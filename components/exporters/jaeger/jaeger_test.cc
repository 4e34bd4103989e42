#include <doctest/doctest.h>

#include "components/exporters/jaeger/config.h"

using namespace weir;

TEST_CASE("jaeger exporter: OTLP goes to the same host, on OTLP's port") {
  exporters::jaeger::Config config;
  struct { std::string_view endpoint, otlp; } const rows[] = {
      {"jaeger:14250", "jaeger:4317"}, {"[::1]:14250", "[::1]:4317"}, {"jaeger:4317", "jaeger:4317"}, {"jaeger:5000", "jaeger:5000"}};
  for (auto& row : rows) {
    config.client.endpoint = row.endpoint;
    CHECK(config.otlp_endpoint() == row.otlp);
  }
}
