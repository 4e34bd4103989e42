#include "components/receivers/otlp/services.h"

#include <doctest/doctest.h>

using namespace weir::receivers::otlp;

TEST_CASE("gRPC methods and URL paths name their signal") {
  CHECK(signal_of_method("/opentelemetry.proto.collector.logs.v1.LogsService/Export") == Signal::logs);
  CHECK_FALSE(signal_of_method("/opentelemetry.proto.collector.logs.v1.LogsService/Import"));
  CHECK(HttpPaths{.traces = "/custom"}.signal_of("/custom") == Signal::traces);
  CHECK_FALSE(HttpPaths{}.signal_of("/v1/traces/"));
}

TEST_CASE("content types with parameters") {
  CHECK(encoding_of("application/json; charset=utf-8") == Encoding::json);
  CHECK(encoding_of("Application/X-Protobuf") == Encoding::protobuf);
  CHECK_FALSE(encoding_of("text/plain"));
}
