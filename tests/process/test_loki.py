"""The loki exporter against a backend that takes some tenants and not others."""
import os, sys, unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import *

CONFIG = """
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:@in@"}}}}
exporters:
  loki: {endpoint: "http://127.0.0.1:@sink@/loki/api/v1/push", retry_on_failure: {initial_interval: 50ms, max_interval: 50ms}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {logs: {receivers: [otlp], exporters: [loki]}}
"""


def request(*tenants):
    text = lambda key, value: {"key": key, "value": {"stringValue": value}}
    return {"resourceLogs": [{"resource": {"attributes": [text("loki.tenant", "team"), text("team", tenant), text("service.name", "from-" + tenant)]},
                              "scopeLogs": [{"logRecords": [{"timeUnixNano": "5", "body": {"stringValue": "hi"}}]}]} for tenant in tenants]}


class Loki(unittest.TestCase):
    def setUp(self):
        self.sink, self.port = Sink(), free_port()
        self.addCleanup(self.sink.close)
        self.config = CONFIG.replace("@in@", str(self.port)).replace("@sink@", str(self.sink.port))

    def tenants(self):
        with self.sink.lock:
            return [{k.lower(): v for k, v in headers.items()}["x-scope-orgid"] for _, headers, _ in self.sink.requests]

    def test_a_retry_goes_only_to_the_tenants_that_failed(self):
        left = [3]

        def answer(path, body):
            if b"from-blue" not in body:
                return 200, {}
            left[0] -= 1
            return (503, {}) if left[0] >= 0 else (200, {})

        self.sink.answer = answer
        with Collector(binary(), self.config, ready=[self.port]):
            self.assertEqual(post(self.port, "/v1/logs", request("blue", "green", "red", "green"))[0], 200)
            wait_for(lambda: "blue" in self.tenants())
        self.assertEqual(sorted(self.tenants()), ["blue", "green", "red"])

    def test_what_one_tenant_may_not_send_holds_up_no_other(self):
        self.sink.answer = lambda path, body: (403, {}) if b"from-blue" in body else (200, {})
        with Collector(binary(), self.config, ready=[self.port]) as weir:
            self.assertEqual(post(self.port, "/v1/logs", request("blue", "red"))[0], 200)
            wait_for(lambda: self.tenants() == ["red"])
            wait_for(lambda: "for good" in weir.output())


if __name__ == "__main__":
    unittest.main()
