#include "weir/scenario/scenario.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace weir;
using namespace weir::app::scenario;

namespace {

// A file in a folder that goes with the test.
struct File {
  explicit File(std::string_view text) {
    char name[] = "/tmp/weir-scenario-XXXXXX";
    folder = mkdtemp(name);
    path = folder + "/case.test.yaml";
    std::ofstream(path) << text;
  }
  ~File() { std::filesystem::remove_all(folder); }
  std::string folder, path;
};

Report run(std::string_view text) {
  File file(text);
  Report report;
  run_file(file.path, 0, report);
  return report;
}

// The text of the only failure.
std::string failure(std::string_view text) {
  Report report = run(text);
  REQUIRE(report.failures.size() == 1);
  return report.failures[0].place + ": " + report.failures[0].text;
}

const std::string layers = R"(
config:
  receivers: {otlp: {protocols: {grpc: }}, otlp/b: {protocols: {grpc: {endpoint: "localhost:1"}}}}
  processors: {attributes: {actions: [{key: a, value: 1, action: insert}]}}
  connectors: {forward: }
  exporters: {otlp: {endpoint: "x:1"}, debug: }
  service:
    telemetry: {metrics: {level: none}}
    pipelines:
      traces/in: {receivers: [otlp], exporters: [forward]}
      traces/out: {receivers: [forward, otlp/b], processors: [attributes], exporters: [otlp]}
      logs: {receivers: [otlp], exporters: [debug]}
)";

}  // namespace

TEST_CASE("a whole configuration: receivers are fed and exporters read by name") {
  Report report = run(layers + R"(
cases:
  - name: through both pipelines
    steps:
      - push: {receiver: otlp, trace: 1, spans: [s]}
      - push: {receiver: otlp, logs: [l]}
      - expect: {exporter: otlp, trace: 1, spans: [{name: s, attributes: {a: 1}}]}
      - expect: {exporter: debug, logs: [l]}
  - name: one pipeline of it
    pipeline: traces/out
    steps:
      - push: {trace: 1, spans: [s], answer: ok}
      - expect: {trace: 1, spans: [{name: s, attributes: {a: 1}}]}
)");
  for (auto& f : report.failures) MESSAGE(f.place << ": " << f.text);
  CHECK(report.passed == 2);
}

TEST_CASE("groups of one expectation may be about several exporters") {
  const std::string two = layers + R"(
steps:
  - push: {receiver: otlp, trace: 1, spans: [s]}
  - push: {receiver: otlp, logs: [l, m]}
)";
  CHECK(run(two + "  - expect: [{exporter: debug, logs: [l]}, {logs: [m]}, {exporter: otlp, trace: 1, spans: [s]}]\n").passed == 1);
  CHECK(failure(two + "  - expect: [{exporter: debug, logs: [l, m]}, {exporter: otlp, trace: 1, spans: [t]}]\n").find("traces at exporter otlp: 1 expected, 1 arrived") !=
        std::string::npos);
  CHECK(failure(two + "  - expect: [{exporter: debug, logs: [l]}, {exporter: otpl, logs: [m]}]\n").find("no exporter \"otpl\" in use") != std::string::npos);
  CHECK(failure(layers + "steps: [{push: [{receiver: otlp, logs: [l]}, {receiver: otlp/b, logs: [m]}]}]").find("belongs to its first group") != std::string::npos);
}

TEST_CASE("what does not match fails with its place, and so does what nobody expected") {
  const std::string one = "component: processor/batch\nconfig: {timeout: 1s}\nsteps:\n";
  CHECK(failure(one + "- push: {trace: 1, spans: [a]}\n- advance: 2s\n- expect: {trace: 1, spans: [b]}\n").find("case.test.yaml:6:") != std::string::npos);
  CHECK(failure(one + "- push: {trace: 1, spans: [a, b]}\n- expect: nothing\n- advance: 2s\n- expect: {spans: [a]}\n").find("+ {name: b") != std::string::npos);
  CHECK(failure(one + "- push: {trace: 1, spans: [a]}\n- advance: 2s\n- expect: {spans: [a]}\n- push: {trace: 1, spans: [c]}\n- advance: 2s\n").find("+ {name: c") != std::string::npos);
  CHECK(failure(one + "- push: {trace: 1, spans: [a], answer: pending}\n").find("answer: expected pending, got ok") != std::string::npos);
}

TEST_CASE("mistakes in the file are named") {
  const std::string one = "component: processor/batch\nsteps:\n";
  CHECK(failure(one + "- push: {trace: 1, spnas: [a]}\n").find("did you mean \"spans\"") != std::string::npos);
  CHECK(failure(one + "- push: {trace: xyz, spans: [a]}\n").find("not hexadecimal") != std::string::npos);
  CHECK(failure(one + "- push: {spans: [a]}\n").find("a span needs a trace") != std::string::npos);
  CHECK(failure(one + "- push: {logs: [a]}\n- wait: 1s\n").find("unknown step \"wait\"") != std::string::npos);
  CHECK(failure(one + "- push: {logs: [a]}\n- advance: -1s\n").find("time goes forward") != std::string::npos);
  CHECK(failure("component: processor/none\nsteps: [{push: {logs: [a]}}]").find("no component \"processor/none\"") != std::string::npos);
  CHECK(failure("component: processor/batch\nconfig: {timeuot: 1s}\nsteps: [{push: {logs: [a]}}]").find("did you mean 'timeout'") != std::string::npos);
  for (std::string_view cases : {"cases: 3", "cases: []", "cases:"})
    CHECK(failure(fmt::format("component: processor/batch\n{}\n", cases)).find("at least one case") != std::string::npos);
  CHECK(failure("component: processor/batch\nfast: true\ncases: [{steps: [{push: {logs: [a]}}]}]").find("unknown key \"fast\"") != std::string::npos);
  for (std::string_view cores : {"0", "65", "-1", "many"})
    CHECK(failure(fmt::format("{}- push: {{logs: [a]}}\ncores: {}\n", one, cores)).find("from 1 to 64") != std::string::npos);
  CHECK(failure(layers + "steps: [{push: {logs: [a]}}]").find("name the receiver: otlp, otlp/b") != std::string::npos);
  CHECK(failure(layers + "pipeline: traces/x\nsteps: [{push: {logs: [a]}}]").find("no pipeline \"traces/x\"") != std::string::npos);
}

TEST_CASE("OTLP JSON on both sides; metrics and events in the short form") {
  Report report = run(R"(
component: processor/attributes
config: {actions: [{key: a, value: 1, action: upsert}]}
cases:
  - steps:
      - push: {otlp: {resourceLogs: [{scopeLogs: [{logRecords: [{body: {stringValue: x}, severityText: INFO}]}]}]}}
      - expect: {otlp: {resourceLogs: [{scopeLogs: [{logRecords: [{body: {stringValue: x}, severityText: INFO, attributes: [{key: a, value: {intValue: "1"}}]}]}]}]}}
  - steps:
      - push: {metrics: [{name: h, type: histogram, temporality: delta, points: [{count: 2, sum: 3.5, buckets: [1, 1], bounds: [2]}]}]}
      - expect: {metrics: [{name: h, type: histogram, temporality: delta, count: 2, sum: 3.5, buckets: [1, 1], attributes: {a: 1}}]}
  - steps:
      - push: {trace: A1, spans: [{name: s, id: 7, parent: 6, kind: CLIENT, duration: 1.5s, events: [{name: e, attributes: {k: [1, x]}}], links: [{trace: 2, span: 3}]}]}
      - expect: {trace: a1, spans: [{name: s, id: "7", parent: "6", kind: client, duration: 1500ms, events: [{name: e, attributes: {k: [1, x]}}], links: [{trace: "2", span: "3"}]}]}
)");
  for (auto& f : report.failures) MESSAGE(f.place << ": " << f.text);
  CHECK(report.passed == 3);
}
