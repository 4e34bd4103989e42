"""Tail sampling in the real binary: memory that is short is given back by deciding early, and nothing that was taken is lost."""
import os, re, sys, time, unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import *

CONFIG = """
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:%(port)d", max_request_body_size: 8000000}}}}
processors:
  memory_limiter: {check_interval: 1s, limit_mib: 120, spike_limit_mib: 24}
  tail_sampling:
    decision_wait: 1h
    num_traces: 1000000
    policies: [{name: errors, type: status_code, status_code: {status_codes: [ERROR]}}]
exporters: {otlphttp: {endpoint: "http://127.0.0.1:%(sink)d", encoding: json, compression: none}}
service:
  telemetry:
    metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: %(metrics)d}}}}]}
  pipelines:
    traces: {receivers: [otlp], processors: [memory_limiter, tail_sampling], exporters: [otlphttp]}
"""
REQUESTS, TRACES_IN_REQUEST, PAYLOAD = 150, 200, 4000


def request(number):
    """Traces of one span; one in twenty has an error."""
    spans = [{"traceId": "%032x" % (number * TRACES_IN_REQUEST + i + 1), "spanId": "%016x" % (i + 1), "name": "op", "startTimeUnixNano": "1700000000000000000",
              "endTimeUnixNano": "1700000000001000000", "status": {"code": 2 if i % 20 == 0 else 0}, "attributes": [{"key": "p", "value": {"stringValue": "x" * PAYLOAD}}]}
             for i in range(TRACES_IN_REQUEST)]
    return {"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}, "scopeSpans": [{"spans": spans}]}]}


class Memory(unittest.TestCase):
    def test_more_waits_than_memory_allows(self):
        self.assertGreater(self.overfill("--data-dir", "none"), 0)

    def test_more_waits_than_memory_allows_on_many_cores(self):
        self.assertGreater(self.overfill("--data-dir", "none", "--cores", "8", "--threads", "all"), 0)  # what each thread keeps for itself counts too

    def test_with_a_disk_it_waits_there_and_nothing_is_decided_early(self):
        self.assertEqual(self.overfill(), 0)

    def overfill(self, *args):
        """-> how many traces were decided early for lack of memory."""
        sink, port, metrics = Sink(), free_port(), free_port()
        self.addCleanup(sink.close)
        expected, peak = set(), 0
        with Weir(CONFIG % {"port": port, "sink": sink.port, "metrics": metrics}, args=args, ready=[port]) as weir:
            for number in range(REQUESTS):  # 120 MB of payload, with 120 MiB for the process
                body = request(number)
                deadline = time.monotonic() + 20
                while (status := post(port, "/v1/traces", body)[0]) != 200:
                    self.assertIn(status, (429, 503))
                    self.assertLess(time.monotonic(), deadline, "refused for ever: %s" % weir.output()[-1000:])
                    time.sleep(0.05)
                peak = max(peak, weir.rss())
                expected.update(span["traceId"] for span in body["resourceSpans"][0]["scopeSpans"][0]["spans"] if span["status"]["code"] == 2)
            text = get(metrics, "/metrics")[1]
            early = re.search(r'early_decisions\{[^}]*reason="memory"[^}]*\} (\d+)', text)
            self.assertEqual(weir.stop(), 0)
        self.assertLessEqual(peak, 120 * 1024 * 1024)
        self.assertEqual({span["traceId"] for span in sink.spans()}, expected)
        return int(early.group(1))


if __name__ == "__main__":
    unittest.main()
