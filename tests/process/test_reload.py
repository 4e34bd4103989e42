"""Reloads of every kind under load: nothing lost, nothing doubled, no connection refused. WEIR_RELOADS says how many."""
import collections, os, random, signal, sys, unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *
from test_lifecycle import Knocking, Traffic

RELOADS = int(os.environ.get("WEIR_RELOADS", "25"))


def sums(text, name):
    """-> the value of each series of a counter."""
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name + "{")}


class Reloads(unittest.TestCase):
    def setUp(self):
        self.sink = Sink()
        self.addCleanup(self.sink.close)
        self.stays, self.changes, self.comes, self.health, self.own = (free_port() for _ in range(5))
        self.random = random.Random(int(os.environ.get("WEIR_SEED", "1")))

    def config(self, number):
        """One of many: components, settings, ports, policies and pipelines that come, go and change."""
        r = self.random
        one_in = lambda n: r.randrange(n) == 0
        receivers = ["otlp", "otlp/changes"] + (["otlp/comes"] if one_in(2) else [])
        chain = [p for p in ("batch", "attributes", "tail_sampling") if not one_in(3)]
        extra = one_in(2)
        return f"""
receivers:
  otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{self.stays}"}}}}}}
  otlp/changes: {{protocols: {{http: {{endpoint: "127.0.0.1:{self.changes}", max_request_body_size: {20_000_000 + r.randrange(5)}}}}}}}
  otlp/comes: {{protocols: {{http: {{endpoint: "127.0.0.1:{self.comes}"}}}}}}
processors:
  batch: {{timeout: {r.choice([10, 20, 50])}ms}}
  attributes: {{actions: [{{key: a, value: {r.randrange(3)}, action: upsert}}]}}
  tail_sampling: {{decision_wait: 1s, policies: [{{name: p{r.randrange(2)}, type: always_sample}}]}}
connectors:
  spanmetrics: {{metrics_flush_interval: 1s}}
exporters:
  otlphttp: {{endpoint: "http://127.0.0.1:{self.sink.port}", encoding: json, compression: none, timeout: {r.choice([5, 6])}s}}
  nop: {{}}
extensions:
  health_check: {{endpoint: "127.0.0.1:{self.health}", path: "/{r.choice(['', 'health'])}"}}
service:
  extensions: [health_check]
  telemetry: {{metrics: {{address: "127.0.0.1:{self.own}"}}, resource: {{life: "{r.randrange(2)}"}}}}
  pipelines:
    traces: {{receivers: [{", ".join(receivers)}], processors: [{", ".join(chain)}], exporters: [otlphttp]}}
    traces/all: {{receivers: [otlp], exporters: [spanmetrics{", nop" if extra else ""}]}}
    metrics: {{receivers: [spanmetrics], exporters: [nop]}}
"""

    def last(self):
        """All that may have kept something on disk."""
        return f"""
receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{self.stays}"}}}}}}}}
processors: {{tail_sampling: {{decision_wait: 1s, policies: [{{name: p, type: always_sample}}]}}}}
exporters: {{otlphttp: {{endpoint: "http://127.0.0.1:{self.sink.port}", encoding: json, compression: none}}}}
service: {{pipelines: {{traces: {{receivers: [otlp], processors: [tail_sampling], exporters: [otlphttp]}}}}}}
"""

    def reload(self, weir, config, number):
        weir.write(config)
        weir.signal(signal.SIGHUP)
        wait_for(lambda: weir.output().count("Everything is ready") == number + 1, seconds=60, what="reload %d" % number)

    def test_many_kinds_under_load(self):
        with Weir(self.config(0), ready=[self.stays, self.changes, self.health, self.own], args=["--cores", "2"]) as weir:
            knocking = Knocking(self.stays, self.changes, self.health, self.own)
            senders = [Traffic(port, n * 1_000_000, keep_alive=n % 2 == 1) for n, port in enumerate([self.stays, self.stays, self.changes, self.changes])]
            counted = {}
            for number in range(1, RELOADS + 1):
                before = min(len(s.accepted) for s in senders)
                wait_for(lambda: min(len(s.accepted) for s in senders) > before, seconds=60, what="traffic")
                self.reload(weir, self.config(number), number)
                text = get(self.own, "/metrics")[1]
                for name in ("otelcol_receiver_accepted_spans", "weir_ledger_items", "otelcol_exporter_sent_spans"):
                    for series, value in sums(text, name).items():
                        self.assertGreaterEqual(value, counted.get(series, 0), series)
                        counted[series] = value
                gauge = sum(sums(text, "weir_spanmetrics_series").values())
                self.assertLessEqual(gauge, 5)
            for other in [*senders, knocking]:
                other.stop()
            self.assertEqual(weir.stop(60), 0, weir.output()[-2000:])
            output = weir.output()
            # What a stage or a queue kept on disk goes on at the next start: nothing is missing then, and nothing comes twice.
            accepted = {i for s in senders for i in s.accepted}
            weir.write(self.last())
            weir.start([self.stays])
            wait_for(lambda: accepted <= {int(span["traceId"], 16) - 1 for span in self.sink.spans()} or None, seconds=30, what="what was kept on disk")
            self.assertEqual(weir.stop(60), 0, weir.output()[-2000:])
        self.assertEqual(knocking.refused, [])
        self.assertEqual([s.errors for s in senders], [[]] * 4)
        self.assertNotIn("Dropping data", output)
        arrived = collections.Counter(int(span["traceId"], 16) - 1 for span in self.sink.spans())
        self.assertEqual(accepted - set(arrived), set())
        tried_again = [line for line in output.splitlines() if "Will retry" in line]
        self.assertEqual({i: n for i, n in arrived.items() if n > 1}, {}, tried_again)

    def test_a_backend_that_is_away_holds_nothing_up(self):
        self.sink.answer = lambda path, body: (503, {})
        retry = "    retry_on_failure: {max_elapsed_time: 0s, initial_interval: 100ms, max_interval: 100ms}\n    timeout: %ds"
        with Weir(pipeline(self.stays, self.sink.port, exporter=retry % 5), ready=[self.stays]) as weir:
            for i in range(20):
                self.assertEqual(post(self.stays, "/v1/traces", traces(i))[0], 200)
            # Another exporter, to the same backend: the one before goes on behind it.
            self.reload(weir, pipeline(self.stays, self.sink.port, exporter=retry % 6), 1)
            self.assertEqual(post(self.stays, "/v1/traces", traces(20), timeout=5)[0], 200)
            self.sink.answer = lambda path, body: (200, {})
            wait_for(lambda: len(self.sink.spans()) == 21, what="what waited for the backend")
            self.assertEqual(weir.stop(), 0)
        self.assertEqual(sorted(int(span["traceId"], 16) - 1 for span in self.sink.spans()), list(range(21)))

    def test_every_failure_leaves_the_old_configuration_serving(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            busy = taken.getsockname()[1]
            good = pipeline(self.stays, self.sink.port, telemetry="metrics: {address: '127.0.0.1:%d'}" % self.own)
            own_busy = good.replace(":%d'" % self.own, ":%d'" % busy)
            extension_busy = good.replace("service:\n", "extensions: {health_check: {endpoint: '127.0.0.1:%d'}}\nservice:\n  extensions: [health_check]\n" % busy)
            receiver_busy = good.replace("receivers:\n", "receivers:\n  otlp/b: {protocols: {grpc: {endpoint: '127.0.0.1:%d'}}}\n" % busy, 1).replace("[otlp]", "[otlp, otlp/b]")
            no_folder = good.replace("exporters:\n", "exporters:\n  file: {path: /proc/nothing/here}\n", 1).replace("[otlphttp]", "[otlphttp, file]")
            no_extension = good.replace("      http:\n", "      http:\n        auth: {authenticator: basicauth}\n", 1)
            with Weir(good, ready=[self.stays, self.own]) as weir:
                for n, bad in enumerate([own_busy, extension_busy, receiver_busy, no_folder, no_extension] * 2, 1):
                    self.assertNotEqual(bad, good)
                    weir.write(bad)
                    weir.signal(signal.SIGHUP)
                    wait_for(lambda: weir.output().count("the old one goes on") == n, what="failure %d" % n)
                    self.assertEqual(post(self.stays, "/v1/traces", traces(n))[0], 200)
                    self.assertEqual(get(self.own, "/metrics")[0], 200)
                self.assertEqual(weir.stop(), 0)
        self.assertEqual({int(span["traceId"], 16) - 1 for span in self.sink.spans()}, set(range(1, 11)))

    def test_a_port_moves_to_another_address(self):
        with Weir(pipeline(self.stays, self.sink.port), ready=[self.stays]) as weir:
            knocking = Knocking(self.stays)
            self.reload(weir, pipeline(self.stays, self.sink.port).replace("127.0.0.1:%d\n" % self.stays, "0.0.0.0:%d\n" % self.stays, 1), 1)
            knocking.stop()
            self.assertEqual(post(self.stays, "/v1/traces", traces(1))[0], 200)
            self.assertEqual(weir.stop(), 0)
        self.assertEqual(knocking.refused, [])


if __name__ == "__main__":
    unittest.main()
