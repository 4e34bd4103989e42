"""weir without a configuration: what a newcomer sees first."""
import os, signal, sys, unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import *


class Default(unittest.TestCase):
    def test_data_that_comes_is_counted_and_kept(self):
        grpc, http_port, health, own = (free_port() for _ in range(4))
        with tempfile.TemporaryDirectory() as folder, open(os.path.join(folder, "out"), "wb") as out:
            sets = {"receivers.otlp.protocols.grpc.endpoint": "localhost:%d" % grpc,
                    "receivers.otlp.protocols.http.endpoint": "localhost:%d" % http_port,
                    "extensions.health_check.endpoint": "localhost:%d" % health,
                    "service.telemetry.metrics.address": "localhost:%d" % own}
            arguments = ["--set=%s=%s" % pair for pair in sets.items()]
            process = subprocess.Popen([binary(), "--data-dir", os.path.join(folder, "data"), *arguments], stdout=out, stderr=out)
            self.addCleanup(process.kill)

            def printed():
                with open(os.path.join(folder, "out")) as f:
                    return f.read()
            wait_for(lambda: "Own metrics: http://localhost:%d/metrics" % own in printed(), what="the greeting")
            self.assertIn("OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:%d" % http_port, printed())
            self.assertEqual(get(health, "/")[0], 200)
            self.assertEqual(post(http_port, "/v1/traces", traces(1, 2, 3))[0], 200)
            wait_for(lambda: "+3 spans, 3 in all" in printed(), what="a live line")
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(20), 0)
            with open(os.path.join(folder, "data", "traces.jsonl")) as f:
                self.assertEqual(len(json.loads(f.readline())["resourceSpans"][0]["scopeSpans"][0]["spans"]), 3)


if __name__ == "__main__":
    unittest.main()
