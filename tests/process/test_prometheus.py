"""The Prometheus family on the real binary: scraping what was sent, over sockets, with several cores."""
import gzip, http.client, http.server, os, shutil, signal, sys, tempfile, threading, unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import *
from wire import *


def points(name, values, service="shop"):
    rows = [{"asDouble": v, "timeUnixNano": "1700000060000000000", "attributes": [{"key": "k", "value": {"stringValue": str(i)}}]} for i, v in enumerate(values)]
    return {"resourceMetrics": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]},
                                 "scopeMetrics": [{"metrics": [{"name": name, "gauge": {"dataPoints": rows}}]}]}]}


def scrape(port, path="/metrics", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})
    response = connection.getresponse()
    try:
        return response.status, dict((k.lower(), v) for k, v in response.getheaders()), response.read()
    finally:
        connection.close()


def write_request(series):
    """A remote write 1.0 request as a snappy block of literals; series: [(labels, value, milliseconds)]."""
    body = b""
    for labels, value, time in series:
        one = b"".join(field(1, field(1, k.encode()) + field(2, v.encode())) for k, v in sorted(labels.items()))
        body += field(1, one + field(2, field(1, float(value)) + field(2, time)))
    packed = varint(len(body))
    for at in range(0, len(body), 256):
        piece = body[at:at + 256]
        packed += bytes([60 << 2, len(piece) - 1]) + piece
    return packed


REMOTE_WRITE = {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy", "X-Prometheus-Remote-Write-Version": "0.1.0"}


class Receiver(unittest.TestCase):
    def test_remote_write_in_scrape_out(self):
        port, out = free_port(), free_port()
        config = """
receivers: {prometheusremotewrite: {endpoint: "127.0.0.1:%d"}}
exporters: {prometheus: {endpoint: "127.0.0.1:%d", without_scope_info: true}}
service: {telemetry: {metrics: {level: none}}, pipelines: {metrics: {receivers: [prometheusremotewrite], exporters: [prometheus]}}}
""" % (port, out)
        with Weir(config, args=["--cores", "2"], ready=[port, out]) as weir:
            series = [({"__name__": "g", "job": "j", "instance": "i%d" % i}, i, 1700000000000) for i in range(50)]
            self.assertEqual(post(port, "/api/v1/write", write_request(series), REMOTE_WRITE)[0], 204)
            self.assertEqual(post(port, "/api/v1/write", write_request([({"job": "j"}, 1, 1)]), REMOTE_WRITE)[0], 400)
            self.assertEqual(post(port, "/api/v1/write", b"\xff\xff", REMOTE_WRITE)[0], 400)
            self.assertEqual(post(port, "/api/v1/write", b"", {"Content-Type": "application/json"})[0], 415)
            self.assertEqual(post(port, "/write", b"", REMOTE_WRITE)[0], 404)
            body = scrape(out)[2].decode()
            self.assertEqual(len([l for l in body.splitlines() if l.startswith("g{")]), 50)
            self.assertIn('g{instance="i7",job="j"} 7\n', body)
            self.assertEqual(weir.stop(), 0)


class Exporter(unittest.TestCase):
    def test_all_cores_feed_one_endpoint(self):
        port, out = free_port(), free_port()
        config = """
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:%d"}}}}
exporters: {prometheus: {endpoint: "127.0.0.1:%d", without_scope_info: true}}
service: {telemetry: {metrics: {level: none}}, pipelines: {metrics: {receivers: [otlp], exporters: [prometheus]}}}
""" % (port, out)
        with Weir(config, args=["--cores", "4"], ready=[port, out]) as weir:
            for i in range(20):
                self.assertEqual(post(port, "/v1/metrics", points("g", range(800), "s%d" % i))[0], 200)
            status, headers, body = scrape(out)
            self.assertEqual(status, 200)
            self.assertEqual(headers["content-type"], "text/plain; version=0.0.4; charset=utf-8; escaping=underscores")
            lines = [l for l in body.decode().splitlines() if l.startswith("g{")]
            self.assertEqual(len(lines), 16000)  # several parts, of which some compress to nothing yet
            self.assertIn('g{job="s7",k="199"} 199', lines)
            status, headers, packed = scrape(out, Accept_Encoding="gzip")
            self.assertEqual(headers["content-encoding"], "gzip")
            self.assertEqual(gzip.decompress(packed), body)
            self.assertEqual(scrape(out, "/")[0], 404)
            self.assertEqual(weir.stop(), 0)


class Backend:
    """A remote write receiver of both versions that is as strict as Prometheus about the order of samples of a series."""

    def __init__(self):
        self.series, self.disorder, self.headers, self.requests, self.lock = {}, [], [], 0, threading.Lock()
        self.away, self.refused = False, set()
        backend = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_): pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                with backend.lock:
                    backend.requests += 1
                    status = 503 if backend.away else backend.take(unsnappy(body), self.headers)
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def take(self, body, headers):
        self.headers.append(dict((k.lower(), v) for k, v in headers.items()))
        v2 = "write.v2" in headers["content-type"]
        symbols = [v.decode() for f, v in fields(body) if f == 4] if v2 else []
        all_series = []
        for f, v in fields(body):
            if f != (5 if v2 else 1):
                continue
            labels, samples = {}, []
            for g, w in fields(v):
                if g == 1 and v2:
                    refs = [symbols[i] for i in packed(w)]
                    labels = dict(zip(refs[::2], refs[1::2]))
                elif g == 1:
                    pair = dict(fields(w))
                    labels[pair[1].decode()] = pair[2].decode()
                elif g == 2:
                    s = dict(fields(w))
                    samples.append((s.get(2, 0), s.get(1, 0.0)))
            all_series.append((tuple(sorted(labels.items())), samples))
        if any(dict(key).get("k") in self.refused for key, _ in all_series):
            return 400
        for key, samples in all_series:
            mine = self.series.setdefault(key, [])
            for sample in samples:
                if mine and (sample[0] < mine[-1][0] or (sample[0] == mine[-1][0] and sample[1] != mine[-1][1])):
                    self.disorder.append((key, mine[-1], sample))
                elif not mine or sample[0] > mine[-1][0]:
                    mine.append(sample)
        return 204


class RemoteWrite(unittest.TestCase):
    def setUp(self):
        self.backend, self.port = Backend(), free_port()
        self.addCleanup(self.backend.close)

    def weir(self, settings="", cores=4, data=None):
        config = """
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:%d"}}}}
exporters: {prometheusremotewrite: {endpoint: "http://127.0.0.1:%d/api/v1/write"%s}}
service: {telemetry: {metrics: {level: none}}, pipelines: {metrics: {receivers: [otlp], exporters: [prometheusremotewrite]}}}
""" % (self.port, self.backend.port, settings)
        return Weir(config, args=["--cores", str(cores)] + (["--data-dir", data] if data else []), ready=[self.port])

    def push(self, step, count=40, services=3):
        for service in range(services):
            request = points("g", [step] * count, "s%d" % service)
            for p in request["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][0]["gauge"]["dataPoints"]:
                p["timeUnixNano"] = str(1700000000000000000 + step * 1000000000)
            self.assertEqual(post(self.port, "/v1/metrics", request)[0], 200)

    def gauges(self):
        with self.backend.lock:
            return {k: list(v) for k, v in self.backend.series.items() if dict(k)["__name__"] == "g"}

    def test_an_outage_loses_nothing_doubles_nothing_and_keeps_order(self):
        for version in ("prometheus.WriteRequest", "io.prometheus.write.v2.Request"):
            with self.subTest(version=version), self.weir(", protobuf_message: %s, max_batch_size_bytes: 2000, retry_on_failure: {max_interval: 200ms}" % version) as weir:
                self.backend.series.clear()
                for step in range(30):
                    if step in (5, 20):
                        with self.backend.lock: self.backend.away = True
                    if step in (10, 25):
                        with self.backend.lock: self.backend.away = False
                    self.push(step)
                expected = [(1700000000000 + 1000 * step, float(step)) for step in range(30)]
                wait_for(lambda: len(self.gauges()) == 120 and all(len(v) == 30 for v in self.gauges().values()), 30, "all samples")
                self.assertTrue(all(v == expected for v in self.gauges().values()))
                self.assertEqual(self.backend.disorder, [])
                self.assertEqual(weir.stop(), 0)
        self.assertEqual(self.backend.headers[0]["x-prometheus-remote-write-version"], "0.1.0")
        self.assertEqual(self.backend.headers[-1]["x-prometheus-remote-write-version"], "2.0.0")
        self.assertEqual(self.backend.headers[-1]["content-encoding"], "snappy")

    def test_what_waits_on_disk_survives_a_kill_and_arrives_first(self):
        data = tempfile.mkdtemp(prefix="weir-prometheus-")
        self.addCleanup(shutil.rmtree, data, True)
        self.backend.away = True
        with self.weir(", retry_on_failure: {max_interval: 200ms}", data=data) as weir:
            for step in range(8):
                self.push(step)
            weir.signal(signal.SIGKILL)
            weir.process.wait(10)
        with self.weir(", retry_on_failure: {max_interval: 200ms}", data=data) as weir:
            self.push(8)
            with self.backend.lock: self.backend.away = False
            for step in range(9, 12):
                self.push(step)
            expected = [(1700000000000 + 1000 * step, float(step)) for step in range(12)]
            wait_for(lambda: len(self.gauges()) == 120 and all(len(v) == 12 for v in self.gauges().values()), 30, "all samples")
            self.assertTrue(all(v == expected for v in self.gauges().values()))
            self.assertEqual(self.backend.disorder, [])
            self.assertEqual(weir.stop(), 0)

    def test_only_what_the_backend_does_not_want_is_dropped(self):
        self.backend.refused = {"7"}
        with self.weir(cores=1) as weir:
            self.push(1, services=1)
            wait_for(lambda: len(self.gauges()) == 39, what="the other series")
            self.assertEqual(weir.stop(), 0)
        self.assertNotIn("7", [dict(k)["k"] for k in self.gauges()])
        self.assertLess(self.backend.requests, 40)


if __name__ == "__main__":
    unittest.main()
