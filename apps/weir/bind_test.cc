#include <doctest/doctest.h>

#include "config/yaml.h"
#include "weir/load.h"

using namespace weir;
using namespace weir::app;

namespace {

// Every message for a configuration, one for each line; "" when it is fine.
std::string said(const std::string& yaml) {
  config::Problems problems;
  auto loaded = load({.uris = {"yaml:" + yaml}}, problems);
  std::string out;
  for (auto& problem : problems.all()) out += problem.path + ": " + problem.message + "\n";
  CHECK(loaded.has_value() == !problems.failed());
  return out;
}

const std::string pipeline = "service: {telemetry: {metrics: {level: none}}, pipelines: {traces: {receivers: [nop], exporters: [nop]}}}";

}  // namespace

TEST_CASE("configurations that are fine, in old and new spelling") {
  for (std::string yaml : {
           "{receivers: {nop: }, exporters: {nop: }, " + pipeline.substr(0) + "}",
           std::string("{receivers: {otlp: {protocols: {grpc: , http: }}}, exporters: {otlphttp: {endpoint: 'http://x:1'}, otlp_grpc/a: {endpoint: 'x:1'}}, "
                       "service: {telemetry: {metrics: {address: ':8888'}, logs: {level: DEBUG}, resource: {service.name: a}}, "
                       "pipelines: {traces: {receivers: [otlp], exporters: [otlphttp]}, metrics/b: {receivers: [otlp], exporters: [otlp_grpc/a]}}}}"),
           std::string("{receivers: {nop: }, processors: {batch: {send_batch_size: '8192', timeout: 1s}}, exporters: {nop: }, "
                       "service: {telemetry: {metrics: {level: detailed, readers: [{pull: {exporter: {prometheus: {host: localhost, port: 1}}}}]}}, "
                       "pipelines: {logs: {receivers: [nop], processors: [batch], exporters: [nop]}}}}"),
       }) {
    CAPTURE(yaml);
    config::Problems problems;
    CHECK(load({.uris = {"yaml:" + yaml}}, problems));
  }
}

TEST_CASE("what the collector has, this build lacks and nothing uses is left out") {
  std::string rest = ", exporters: {nop: }, " + pipeline + "}";
  CHECK(said("{receivers: {nop: , vcenter: {endpoint: 'x:1'}}" + rest).contains("receivers::vcenter: the collector has a receiver \"vcenter\", this build does not; nothing uses it"));
  std::string used = "{receivers: {vcenter: }, exporters: {nop: }, service: {pipelines: {traces: {receivers: [vcenter], exporters: [nop]}}}}";
  CHECK(said(used).contains("unknown type: \"vcenter\" for id"));
}

TEST_CASE("what is wrong is said, with where") {
  struct {
    std::string yaml, expected;
  } const rows[] = {
      {"{}", "empty configuration file"},
      {"{receivers: {nop: }, exporters: {nop: }, servce: {}}", "invalid keys: servce; did you mean \"service\"?"},
      {"{receivers: {nop: }, exporters: {nop: }, service: {}}", "service::pipelines: service must have at least one pipeline"},
      {"{receivers: {nop: }, exporters: {nop: }, service: {pipelines: {traces: {receivers: [nop], exporters: []}}}}",
       "service::pipelines::traces: must have at least one exporter"},
      {"{receivers: {nop: }, exporters: {nop: }, service: {pipelines: {trace: {receivers: [nop], exporters: [nop]}}}}", "unknown pipeline signal: \"trace\""},
      {"{receivers: {nop: }, exporters: {nop: }, service: {pipelines: {traces: {receivers: [nop, otpl], exporters: [nop]}}}}",
       "references receiver \"otpl\" which is not configured"},
      {"{receivers: {nop: }, processors: {batch: }, exporters: {nop: }, service: {pipelines: {traces: {receivers: [nop], processors: [batch, batch], exporters: [nop]}}}}",
       "references processor \"batch\" multiple times"},
      {"{receivers: {nop/: }, exporters: {nop: }, " + pipeline + "}", "receivers::nop/"},
      {"{receivers: {nop: , ' nop': }, exporters: {nop: }, " + pipeline + "}", "duplicate id \"nop\""},
      {"{receivers: {nop: }, exporters: {nop: }, extensions: {}, service: {extensions: [health_check], pipelines: {traces: {receivers: [nop], exporters: [nop]}}}}",
       "service::extensions: references extension \"health_check\" which is not configured"},
      {"{receivers: {nop: }, exporters: {nop: }, service: {telemetry: {logs: {level: loud}}, pipelines: {traces: {receivers: [nop], exporters: [nop]}}}}",
       "unknown level \"loud\""},
  };
  for (auto& row : rows) {
    CAPTURE(row.yaml);
    std::string text = said(row.yaml);
    CAPTURE(text);
    CHECK(text.find(row.expected) != text.npos);
  }
}
