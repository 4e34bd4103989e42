"""Tail sampling and span metrics in one process: every exemplar leads to a trace that arrived at the backend."""
import os, sys, unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import *

CONFIG = """
receivers:
  otlp: {protocols: {http: {endpoint: "127.0.0.1:%(port)d"}}}
processors:
  tail_sampling:
    decision_wait: 1s
    policies:
      - {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}
      - {name: share, type: probabilistic, probabilistic: {sampling_percentage: 20}}
connectors:
  spanmetrics:
    metrics_flush_interval: 500ms
    exemplars: {enabled: true, max_per_data_point: 50%(traces)s}
exporters:
  otlphttp: {endpoint: "http://127.0.0.1:%(sink)d", encoding: json, compression: none}
service:
  telemetry: {metrics: {level: none}}
  pipelines:
%(pipelines)s
    metrics: {receivers: [spanmetrics], exporters: [otlphttp]}
"""
APART = """
    traces/all: {receivers: [otlp], exporters: [spanmetrics]}
    traces/sampled: {receivers: [otlp], processors: [tail_sampling], exporters: [otlphttp]}
"""
BEHIND = """
    traces: {receivers: [otlp], processors: [tail_sampling], exporters: [otlphttp, spanmetrics]}
"""
TRACES = 400


def request(first):
    """Ten traces of two services; one trace in ten has an error."""
    groups = []
    for service, kind in (("shop", 3), ("till", 2)):
        spans = [{"traceId": "%032x" % (first + i + 1), "spanId": "%016x" % (2 * (first + i) + kind), "name": "pay", "kind": kind,
                  "startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": str(1700000000000000000 + (first + i) * 5_000_000),
                  "status": {"code": 2 if i == 0 and kind == 2 else 0}} for i in range(10)]
        groups.append({"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}, "scopeSpans": [{"spans": spans}]})
    return {"resourceSpans": groups}


class Exemplars(unittest.TestCase):
    def setUp(self):
        self.sink, self.port = Sink(), free_port()
        self.addCleanup(self.sink.close)

    def points(self):
        for document in self.sink.json():
            for group in document.get("resourceMetrics", []):
                for scope in group["scopeMetrics"]:
                    for metric in scope["metrics"]:
                        yield from metric.get("sum", metric.get("histogram", {})).get("dataPoints", [])

    def exemplars(self):
        return {exemplar["traceId"] for point in self.points() for exemplar in point.get("exemplars", [])}

    def arrived(self):
        return {span["traceId"] for span in self.sink.spans()}

    def run_traces(self, pipelines, traces=""):
        text = CONFIG % {"port": self.port, "sink": self.sink.port, "pipelines": pipelines, "traces": traces}
        with Weir(text, ready=[self.port]) as weir:
            for first in range(0, TRACES, 10):
                self.assertEqual(post(self.port, "/v1/traces", request(first))[0], 200)
            wait_for(lambda: len(self.arrived()) >= TRACES // 10, what="traces with errors at the backend")
            wait_for(lambda: len(self.exemplars()) >= 20, what="exemplars")
            self.assertEqual(weir.stop(), 0)
        arrived = self.arrived()
        self.assertLess(len(arrived), TRACES)
        return self.exemplars(), arrived

    def test_sampler_in_another_pipeline(self):
        exemplars, arrived = self.run_traces(APART)
        self.assertLessEqual(exemplars, arrived)

    def test_sampler_in_front(self):
        exemplars, arrived = self.run_traces(BEHIND)
        self.assertLessEqual(exemplars, arrived)

    def test_all_traces_when_asked_for(self):
        exemplars, arrived = self.run_traces(APART, ", traces: all")
        self.assertTrue(exemplars - arrived)


if __name__ == "__main__":
    unittest.main()
