"""The real binary with one pipeline: what goes in comes out, errors have the right status, signals do what they should."""
import gzip, os, signal, sys, time, unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import *


class Pipeline(unittest.TestCase):
    def setUp(self):
        self.sink, self.port = Sink(), free_port()
        self.addCleanup(self.sink.close)

    def weir(self, **options):
        return Weir(pipeline(self.port, self.sink.port, **options), ready=[self.port])

    def test_json_in_json_out(self):
        with self.weir() as weir:
            status, headers, body = post(self.port, "/v1/traces", traces(1, 2, 3))
            self.assertEqual((status, body), (200, b'{"partialSuccess":{}}'))
            wait_for(lambda: len(self.sink.spans()) == 3, what="three spans at the sink")
            self.assertEqual(sorted(s["traceId"] for s in self.sink.spans()), ["%032x" % i for i in (2, 3, 4)])
            self.assertEqual(weir.stop(), 0)

    def test_compressed_bodies(self):
        with self.weir():
            body = gzip.compress(json.dumps(traces(7)).encode())
            status, _, _ = post(self.port, "/v1/traces", body, {"Content-Type": "application/json", "Content-Encoding": "gzip"})
            self.assertEqual(status, 200)
            wait_for(lambda: len(self.sink.spans()) == 1)

    def test_errors_have_their_status(self):
        with self.weir():
            self.assertEqual(post(self.port, "/v1/traces", b"{", {"Content-Type": "application/json"})[0], 400)
            self.assertEqual(post(self.port, "/v1/traces", b"\xff\xff", {"Content-Type": "application/x-protobuf"})[0], 400)
            self.assertEqual(post(self.port, "/v1/traces", b"x", {"Content-Type": "text/plain"})[0], 415)
            self.assertEqual(post(self.port, "/v1/metrics", traces(1))[0], 404)
            self.assertEqual(get(self.port, "/v1/traces")[0], 405)
            self.assertEqual(post(self.port, "/v1/traces", {})[0], 200)
            self.assertEqual(post(self.port, "/v1/traces", traces(1))[0], 200)

    def test_cores_with_and_without_threads_of_their_own(self):
        for threads in ("as-needed", "all"):
            with self.subTest(threads=threads):
                self.sink.requests.clear()
                config = pipeline(self.port, self.sink.port, processors="  groupbytrace: {wait_duration: 50ms}\n", chain="groupbytrace")
                with Weir(config, args=["--cores", "4", "--threads", threads], ready=[self.port]) as weir:
                    for i in range(40):
                        self.assertEqual(post(self.port, "/v1/traces", traces(*range(10 * i, 10 * i + 10)))[0], 200)
                    wait_for(lambda: len(self.sink.spans()) == 400, what="all spans at the sink")
                    self.assertEqual(weir.stop(), 0)
                self.assertEqual({s["traceId"] for s in self.sink.spans()}, {"%032x" % (i + 1) for i in range(400)})

    def test_sigterm_delivers_what_was_answered(self):
        with self.weir(processors="  batch: {timeout: 1h}\n", chain="batch") as weir:
            for i in range(20):
                self.assertEqual(post(self.port, "/v1/traces", traces(i))[0], 200)
            self.assertEqual(weir.stop(), 0)
            self.assertEqual(len(self.sink.spans()), 20)

    def test_a_backend_that_is_away_is_tried_again(self):
        failures = [503, 429, 502]
        self.sink.answer = lambda path, body: (failures.pop(), {}) if failures else (200, {})
        with self.weir(exporter="    retry_on_failure: {initial_interval: 50ms, max_interval: 100ms}") as weir:
            self.assertEqual(post(self.port, "/v1/traces", traces(1))[0], 200)
            wait_for(lambda: len(self.sink.spans()) == 1)
            self.assertEqual(weir.stop(), 0)

    def test_without_queue_the_backends_answer_is_the_answer(self):
        with self.weir(exporter="    sending_queue: {enabled: false}\n    retry_on_failure: {enabled: false}"):
            for said, heard in ((400, 400), (401, 401), (403, 403), (404, 404), (413, 500), (429, 429), (500, 500), (503, 503)):
                self.sink.answer = lambda path, body: (said, {})
                self.assertEqual(post(self.port, "/v1/traces", traces(1))[0], heard)

    def test_a_full_queue_is_retryable_with_a_delay(self):
        self.sink.answer = lambda path, body: (503, {})
        with self.weir(exporter="    sending_queue: {queue_size: 2, num_consumers: 1}"):
            statuses = [post(self.port, "/v1/traces", traces(i)) for i in range(5)]
            self.assertEqual([s for s, _, _ in statuses], [200, 200, 503, 503, 503])
            self.assertIn("Retry-After", {k.title(): v for k, v in statuses[-1][1].items()})

    def test_sighup_reloads_and_keeps_the_port(self):
        with self.weir(chain="") as weir:
            self.assertEqual(post(self.port, "/v1/traces", traces(1))[0], 200)
            weir.write(pipeline(self.port, self.sink.port, processors="  batch: {timeout: 10ms}\n", chain="batch"))
            weir.signal(signal.SIGHUP)
            wait_for(lambda: weir.output().count("Everything is ready") == 2, what="a second start")
            self.assertEqual(post(self.port, "/v1/traces", traces(2))[0], 200)
            weir.write("receivers: {otlp: {protokols: {}}}")
            weir.signal(signal.SIGHUP)
            wait_for(lambda: "the old one goes on" in weir.output(), what="a refused reload")
            self.assertEqual(post(self.port, "/v1/traces", traces(3))[0], 200)
            wait_for(lambda: len(self.sink.spans()) == 3)
            self.assertEqual(weir.stop(), 0)

    def test_own_metrics(self):
        own = free_port()
        with self.weir(telemetry="metrics: {address: '127.0.0.1:%d'}" % own) as weir:
            post(self.port, "/v1/traces", traces(1, 2))
            wait_for(lambda: len(self.sink.spans()) == 2)
            wait_for(lambda: connectable(own))
            text = wait_for(lambda: (t := get(own, "/metrics")[1]) and "otelcol_exporter_sent_spans" in t and t)
            self.assertRegex(text, r'otelcol_receiver_accepted_spans\{receiver="otlp",transport="http",[^}]*\} 2')
            self.assertRegex(text, r'otelcol_exporter_sent_spans\{exporter="otlphttp",[^}]*\} 2')
            self.assertRegex(text, r'weir_ledger_items\{component="otlphttp",[^}]*flow="delivered"[^}]*\} 2')


class Refusals(unittest.TestCase):
    def run_weir(self, text, *args):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "bad.yaml")
            with open(path, "w") as f:
                f.write(text)
            done = subprocess.run([binary(), *args, "--config", path], capture_output=True, text=True, timeout=20)
            return done.returncode, done.stderr

    def test_all_errors_at_once_with_their_places(self):
        code, text = self.run_weir("""
receivers:
  otlp:
    protocols:
      grpc: {endpont: 1}
processors:
  batch: {timeout: 5 parsecs}
  btach: {}
exporters:
  nop: {}
service:
  pipelines:
    traces: {receivers: [otlp], processors: [batch, memory], exporters: [nop]}
""", "validate")
        self.assertEqual(code, 1)
        for expected in ('bad.yaml:5:14', "did you mean 'endpoint'", "bad.yaml:7:", "parsecs", "bad.yaml:8:", 'did you mean "batch"',
                         'references processor "memory" which is not configured'):
            self.assertIn(expected, text)

    def test_validate_is_silent_when_all_is_well(self):
        code, text = self.run_weir(pipeline(4318, 4319), "validate")
        self.assertEqual((code, text), (0, ""))

    def test_a_port_that_is_taken(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            code, text = self.run_weir(pipeline(taken.getsockname()[1], 1))
            self.assertEqual(code, 1)
            self.assertIn("receiver \"otlp\"", text)
            self.assertIn("in use", text)


if __name__ == "__main__":
    unittest.main()
