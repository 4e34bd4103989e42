"""Real backends away for a minute and weir killed meanwhile: every sample is there, none twice, none out of order."""
import http.server, signal, tempfile, unittest

from backends import *

OUTAGE = float(os.environ.get("WEIR_OUTAGE", "60" if os.environ.get("WEIR_ALL") == "1" else "8"))
SERVICES, SERIES = 5, 20


def request(service, time_ns, value):
    rows = [{"asDouble": value, "timeUnixNano": str(time_ns), "attributes": [{"key": "k", "value": {"stringValue": str(i)}}]} for i in range(SERIES)]
    attributes = [{"key": "service.name", "value": {"stringValue": "s%d" % service}}, {"key": "service.instance.id", "value": {"stringValue": "i"}}]
    return {"resourceMetrics": [{"resource": {"attributes": attributes}, "scopeMetrics": [{"metrics": [{"name": "held", "gauge": {"dataPoints": rows}}]}]}]}


class Backends(unittest.TestCase):
    def setUp(self):
        self.port, self.data = free_port(), tempfile.mkdtemp(prefix="weir-peers-")
        self.addCleanup(shutil.rmtree, self.data, True)
        self.peers, self.exporters = {}, {}
        # Prometheus refuses a sample that is older than the newest of its series, but for OTLP, where its manual says to allow it.
        if PROMETHEUS:
            self.add("prometheus 2, remote write 1.0", Prometheus(PROMETHEUS), "prometheusremotewrite/p2")
        if PROMETHEUS3:
            self.add("prometheus 3, remote write 1.0", Prometheus(PROMETHEUS3), "prometheusremotewrite/p31")
            self.add("prometheus 3, remote write 2.0", Prometheus(PROMETHEUS3), "prometheusremotewrite/p32", protobuf_message="io.prometheus.write.v2.Request")
            self.add("prometheus 3, OTLP", Prometheus(PROMETHEUS3, out_of_order="30m", options=["--web.enable-otlp-receiver"]), "otlphttp/p3", path="/api/v1/otlp")
        if VICTORIA_METRICS:
            self.add("VictoriaMetrics, remote write 1.0", VictoriaMetrics(VICTORIA_METRICS), "prometheusremotewrite/vm")
            self.add("VictoriaMetrics, remote write 1.0 with zstd", VictoriaMetrics(VICTORIA_METRICS), "prometheusremotewrite/vmz", compression="zstd")
            self.add("VictoriaMetrics, OTLP", VictoriaMetrics(VICTORIA_METRICS), "otlphttp/vm", path="/opentelemetry")

    def add(self, name, peer, exporter, path="/api/v1/write", **settings):
        self.addCleanup(peer.remove)
        self.peers[name] = peer
        self.exporters[exporter] = {"endpoint": "http://127.0.0.1:%d%s" % (peer.port, path), "retry_on_failure": {"initial_interval": "200ms", "max_interval": "1s", "max_elapsed_time": "0s"}, **settings}

    def weir(self):
        config = {"receivers": {"otlp": {"protocols": {"http": {"endpoint": "127.0.0.1:%d" % self.port}}}}, "exporters": self.exporters,
                  "service": {"telemetry": {"metrics": {"level": "none"}}, "pipelines": {"metrics": {"receivers": ["otlp"], "exporters": list(self.exporters)}}}}
        return Weir(json.dumps(config), args=["--cores", "2", "--data-dir", self.data], ready=[self.port])

    def push(self):
        self.step += 1
        now = int(time.time() * 1000) * 1_000_000
        self.times.append(now / 1e9)
        for service in range(SERVICES):
            self.assertEqual(post(self.port, "/v1/metrics", request(service, now, float(self.step)))[0], 200)

    def push_for(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.push()
            time.sleep(0.2)

    @unittest.skipUnless(PROMETHEUS or PROMETHEUS3 or VICTORIA_METRICS, "no Prometheus and no VictoriaMetrics: see tests/peers/README.md")
    def test_an_outage_and_a_kill_cost_nothing(self):
        self.step, self.times = 0, []
        for peer in self.peers.values():
            peer.start()
        with self.weir() as weir:
            self.push_for(2)
            for peer in self.peers.values():
                peer.end()
            self.push_for(OUTAGE / 2)
            weir.signal(signal.SIGKILL)
            weir.process.wait(10)
        with self.weir() as weir:
            self.push_for(OUTAGE / 2)
            for peer in self.peers.values():
                peer.start()
            self.push_for(2)
            expected = [(round(time, 3), float(n + 1)) for n, time in enumerate(self.times)]
            for name, peer in self.peers.items():
                with self.subTest(name):
                    self.check(peer, expected)
            self.assertEqual(weir.stop(), 0)

    def check(self, peer, expected):
        def complete():
            held = peer.samples("held")
            return len(held) == SERVICES * SERIES and all(len(rows) >= len(expected) for rows in held.values())
        try:
            wait_for(complete, 60, "every sample")
        except AssertionError as e:
            held = peer.samples("held")
            raise AssertionError("%s: %d series, %s of %d samples" % (e, len(held), sorted({len(rows) for rows in held.values()}), len(expected)))
        for labels, rows in peer.samples("held").items():
            self.assertEqual([(round(time, 3), value) for time, value in rows], expected, labels)
        if isinstance(peer, Prometheus):
            self.assertEqual(peer.own("prometheus_tsdb_out_of_order_samples_total"), 0)


class Answer:
    """What an exporter said once, the same for everybody who asks, so that values can be compared."""

    def __init__(self, exporter):
        said = {}

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *args):
                pass

            def do_GET(self):
                accept = self.headers.get("Accept", "")
                kind = "openmetrics" if "openmetrics" in accept else "text"
                if kind not in said:
                    wanted = "application/openmetrics-text; version=1.0.0" if kind == "openmetrics" else "text/plain; version=0.0.4"
                    with urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:%d/metrics" % exporter, headers={"Accept": wanted})) as answer:
                        said[kind] = (answer.headers["Content-Type"], answer.read())
                self.send_response(200)
                self.send_header("Content-Type", said[kind][0])
                self.send_header("Content-Length", str(len(said[kind][1])))
                self.end_headers()
                self.wfile.write(said[kind][1])

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class SideBySide(unittest.TestCase):
    @unittest.skipUnless((PROMETHEUS3 or PROMETHEUS) and NODE_EXPORTER, "no Prometheus or no node exporter")
    def test_node_exporter_scraped_by_both(self):
        exporter = Peer(NODE_EXPORTER)
        exporter.health, exporter.arguments = "/metrics", lambda: ["--web.listen-address=127.0.0.1:%d" % exporter.port]
        self.addCleanup(exporter.remove)
        exporter.start()
        answer = Answer(exporter.port)
        self.addCleanup(answer.server.shutdown)
        job = {"job_name": "node", "scrape_interval": "1s", "static_configs": [{"targets": ["127.0.0.1:%d" % answer.port]}]}
        peer = Prometheus(PROMETHEUS3 or PROMETHEUS, scrape=[job])
        self.addCleanup(peer.remove)
        peer.start()
        config = {"receivers": {"prometheus": {"config": {"scrape_configs": [job]}}},
                  "exporters": {"prometheusremotewrite": {"endpoint": peer.url(), "external_labels": {"by": "weir"}, "target_info": {"enabled": False}}},
                  "service": {"telemetry": {"metrics": {"level": "none"}}, "pipelines": {"metrics": {"receivers": ["prometheus"], "exporters": ["prometheusremotewrite"]}}}}
        chance = re.compile("scrape_")
        scope = {"otel_scope_name", "otel_scope_version", "otel_scope_schema_url"}

        def latest(selector):
            out = {}
            for labels, rows in peer.samples(selector).items():
                # Prometheus 3 writes bounds and quantiles as 1.0, OTLP has them as numbers.
                labels = {k: repr(float(v)) if k in ("le", "quantile") else v for k, v in labels if k != "by" and k not in scope}
                if not chance.match(labels["__name__"]):
                    out[tuple(sorted(labels.items()))] = repr(rows[-1][1])
            return out

        with Weir(json.dumps(config)) as weir:
            ours = lambda: latest('{job="node",by="weir"}')
            wait_for(lambda: len(ours()) >= len(latest('{job="node",by=""}')) > 100, 20, "all series")
            mine, reference = ours(), latest('{job="node",by=""}')
            self.assertEqual(weir.stop(), 0)
        self.assertEqual({k: v for k, v in mine.items() if reference.get(k) != v}, {})
        self.assertEqual({k: v for k, v in reference.items() if mine.get(k) != v}, {})


if __name__ == "__main__":
    unittest.main()
