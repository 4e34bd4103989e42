"""The exporter zipkin into the receiver zipkin, and what a back end that fails gets."""
import os, sys, unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import *

CONFIG = """
receivers:
  otlp: {protocols: {http: {endpoint: "127.0.0.1:%(otlp)d"}}}
  zipkin: {endpoint: "127.0.0.1:%(zipkin)d"}
exporters:
  zipkin: {endpoint: "http://127.0.0.1:%(to)d/api/v2/spans", format: %(format)s, sending_queue: {enabled: false}, retry_on_failure: {initial_interval: 50ms, max_interval: 100ms}}
  otlphttp: {endpoint: "http://127.0.0.1:%(sink)d", encoding: json, compression: none, sending_queue: {enabled: false}}
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    traces/there: {receivers: [otlp], exporters: [zipkin]}
    traces/back: {receivers: [zipkin], exporters: [otlphttp]}
"""


class Zipkin(unittest.TestCase):
    def run_with(self, form, body, to=None):
        sink = Sink()
        self.addCleanup(sink.close)
        otlp, zipkin = free_port(), free_port()
        with Weir(CONFIG % {"otlp": otlp, "zipkin": zipkin, "to": to or zipkin, "format": form, "sink": sink.port}, ready=[otlp, zipkin]):
            status, _, said = post(otlp, "/v1/traces", body)
            self.assertEqual(status, 200, said)
            return sink.spans()

    def test_there_and_back(self):
        for form in ("json", "proto"):
            spans = self.run_with(form, traces(1, 2, name="op", status={"code": 2, "message": "m"}))
            self.assertEqual(sorted(span["traceId"] for span in spans), ["%032x" % 2, "%032x" % 3])
            self.assertEqual(spans[0]["status"], {"code": 2, "message": "m"})
            self.assertEqual(spans[0]["endTimeUnixNano"], "1700000000010000000")

    def test_a_large_resource_goes_in_several_bodies_and_only_what_failed_comes_again(self):
        backend = Sink()
        self.addCleanup(backend.close)
        tries = []

        def answer(path, body):
            tries.append(len(json.loads(body)))
            return (503, {}) if len(tries) == 2 else (200, {})

        backend.answer = answer
        body = traces(*range(12))
        body["resourceSpans"][0]["resource"]["attributes"].append({"key": "large", "value": {"stringValue": "x" * 500_000}})
        self.run_with("json", body, to=backend.port)
        self.assertGreater(len(tries), 3)
        self.assertEqual(sum(tries) - tries[1], 12)


if __name__ == "__main__":
    unittest.main()
