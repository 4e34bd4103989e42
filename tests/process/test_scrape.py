"""The prometheus receiver against targets: what they say comes out as OTLP, when they fall silent their series end."""
import http.server, os, subprocess, shutil, sys, threading, unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import *

TEXT = b"""# TYPE requests counter
# HELP requests Requests.
requests_total{code="200"} 5 # {trace_id="0123456789abcdef0123456789abcdef"} 1 1700000000
requests_created{code="200"} 1600000000
# TYPE latency histogram
latency_bucket{le="0.1"} 2
latency_bucket{le="+Inf"} 3
latency_sum 0.5
latency_count 3
# EOF
"""


class Target:
    """Serves `body` at /metrics; /moved leads there. Keeps the headers of each request."""

    def __init__(self, body=TEXT, content_type="application/openmetrics-text; version=1.0.0"):
        self.body, self.seen = body, []
        target = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_GET(self):
                target.seen.append((self.path, dict(self.headers)))
                if self.path.startswith("/moved"):
                    self.send_response(302)
                    self.send_header("Location", self.path.partition("to=")[2] or "/metrics")
                    self.send_header("Content-Length", "0")
                    return self.end_headers()
                body = target.body
                if "gzip" in (self.headers.get("Accept-Encoding") or ""):
                    body = gzip.compress(body)
                self.send_response(200 if target.body else 503)
                self.send_header("Content-Type", content_type)
                if body is not target.body:
                    self.send_header("Content-Encoding", "gzip")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = "127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Prometheus(unittest.TestCase):
    def setUp(self):
        self.sink, self.target = Sink(), Target()
        self.addCleanup(self.sink.close)
        self.addCleanup(self.target.close)

    def config(self, *jobs, **receiver):
        for job in jobs:
            job.setdefault("static_configs", [{"targets": [self.target.address], "labels": {"zone": "z"}}])
        return json.dumps({
            "receivers": {"prometheus": {"config": {"global": {"scrape_interval": "200ms"}, "scrape_configs": list(jobs)}, **receiver}},
            "exporters": {"otlphttp": {"endpoint": "http://127.0.0.1:%d" % self.sink.port, "encoding": "json", "compression": "none"}},
            "service": {"telemetry": {"metrics": {"level": "none"}}, "pipelines": {"metrics": {"receivers": ["prometheus"], "exporters": ["otlphttp"]}}},
        })

    def points(self, name, job="a"):
        with self.sink.lock:
            bodies = [json.loads(body) for _, _, body in self.sink.requests]
        found = []
        for body in bodies:
            for resource in body["resourceMetrics"]:
                attributes = {a["key"]: a["value"].get("stringValue") for a in resource["resource"]["attributes"]}
                if attributes["service.name"] != job:
                    continue
                for scope in resource["scopeMetrics"]:
                    for metric in scope["metrics"]:
                        if metric["name"] == name:
                            kind = next(k for k in ("gauge", "sum", "histogram") if k in metric)
                            found += metric[kind]["dataPoints"]
        return found

    def test_counters_histograms_and_reports(self):
        with Weir(self.config({"job_name": "a"})) as weir:
            wait_for(lambda: len(self.points("requests_total")) >= 3, what="three scrapes")
            point = self.points("requests_total")[0]
            self.assertEqual(point["asDouble"], 5)
            self.assertEqual(point["startTimeUnixNano"], "1600000000000000000")
            self.assertEqual(point["exemplars"][0]["traceId"], "0123456789abcdef0123456789abcdef")
            self.assertEqual({a["key"]: a["value"]["stringValue"] for a in point["attributes"]}, {"code": "200", "zone": "z"})
            self.assertEqual(self.points("latency")[0]["bucketCounts"], ["2", "1"])
            self.assertEqual(self.points("up")[0]["asDouble"], 1)
            self.assertEqual(self.points("scrape_samples_scraped")[0]["asDouble"], 6)
            self.assertEqual(weir.stop(), 0)

    def test_a_target_that_falls_silent(self):
        with Weir(self.config({"job_name": "a"})):
            wait_for(lambda: self.points("requests_total"))
            self.target.body = b""
            wait_for(lambda: any(p.get("flags") == 1 for p in self.points("requests_total")), what="an end of the series")
            wait_for(lambda: any(p["asDouble"] == 0 for p in self.points("up")), what="up is 0")

    def test_credentials_stay_with_their_host(self):
        other = Target()
        self.addCleanup(other.close)
        moved = "/moved?to=http://localhost:%s/metrics" % other.address.rpartition(":")[2]
        jobs = [{"job_name": "a", "basic_auth": {"username": "u", "password": "p"}, "metrics_path": "/moved"},
                {"job_name": "b", "authorization": {"credentials": "secret"}, "metrics_path": "/moved", "params": {"to": [moved.partition("to=")[2]]}}]
        with Weir(self.config(*jobs)):
            wait_for(lambda: any(p == "/metrics" for p, _ in self.target.seen), what="a redirect on the same host")
            self.assertTrue(all(h.get("authorization") == "Basic dTpw" for p, h in self.target.seen if p == "/metrics"))
            wait_for(lambda: any(h.get("authorization") == "Bearer secret" for p, h in self.target.seen), what="credentials of the second job")

    @unittest.skipUnless(shutil.which("prometheus-node-exporter"), "no prometheus-node-exporter")
    def test_node_exporter(self):
        port = free_port()
        exporter = subprocess.Popen(["prometheus-node-exporter", "--web.listen-address=127.0.0.1:%d" % port], stderr=subprocess.DEVNULL)
        self.addCleanup(exporter.wait)
        self.addCleanup(exporter.terminate)
        wait_for(lambda: connectable(port))
        config = self.config({"job_name": "a", "static_configs": [{"targets": ["127.0.0.1:%d" % port]}], "scrape_interval": "1s"})
        with Weir(config):
            wait_for(lambda: self.points("up"), what="a scrape of the node exporter")
            self.assertEqual(self.points("up")[0]["asDouble"], 1)
            samples = self.points("scrape_samples_scraped")[0]["asDouble"]
            self.assertGreater(samples, 100)
            text = get(port, "/metrics")[1]
            cores = sum(line.startswith('node_cpu_seconds_total{') for line in text.splitlines())
            self.assertEqual(len([p for p in self.points("node_cpu_seconds_total")]) % cores, 0)


if __name__ == "__main__":
    unittest.main()
