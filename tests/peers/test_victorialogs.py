"""Lines of a file through the loki exporter and over OTLP into VictoriaLogs, with an outage in between: all are there, once, with their
labels, and those of a stream were pushed in order.

VictoriaLogs is $WEIR_VICTORIALOGS or what tools/peer/victorialogs/build made.
"""
import http.client, http.server, json, os, re, subprocess, sys, unittest, urllib.parse

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import *
from wire import unsnappy

OUTAGE = float(os.environ.get("WEIR_OUTAGE_SECONDS", "60" if os.environ.get("WEIR_ALL") == "1" else "15"))
CONFIG = """
receivers:
  filelog:
    include: ["@folder@/*.log"]
    start_at: beginning
    include_file_name: false
    operators: [{type: regex_parser, regex: '^(?P<time>\\S+) (?P<level>\\w+) ', timestamp: {parse_from: attributes.time, layout: '%Y-%m-%dT%H:%M:%S.%LZ'}, severity: {parse_from: attributes.level}}, {type: remove, field: attributes.time}]
    resource: {service.name: cart, service.namespace: shop, k8s.pod.name: cart-0}
processors:
  resource/loki: {attributes: [{key: way, value: loki, action: insert}, {key: loki.resource.labels, value: "way, k8s.pod.name", action: insert}]}
  resource/otlp: {attributes: [{key: way, value: otlp, action: insert}]}
exporters:
  loki: {endpoint: "http://127.0.0.1:@proxy@/insert/loki/api/v1/push", retry_on_failure: {initial_interval: 200ms, max_interval: 1s}}
  otlphttp: {endpoint: "http://127.0.0.1:@proxy@/insert/opentelemetry", compression: gzip, headers: {VL-Stream-Fields: "service.name,way"}, retry_on_failure: {initial_interval: 200ms, max_interval: 1s}}
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    logs/loki: {receivers: [filelog], processors: [resource/loki], exporters: [loki]}
    logs/otlp: {receivers: [filelog], processors: [resource/otlp], exporters: [otlphttp]}
"""


def victorialogs():
    return next((path for path in (os.environ.get("WEIR_VICTORIALOGS", ""), os.path.join(ROOT, "build", "peer", "victoria-logs")) if path and os.path.exists(path)), "")


class Proxy:
    """Passes requests on to a port, and remembers the lines that were pushed to Loki and taken."""

    def __init__(self, port):
        self.taken, self.refused = [], 0
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                try:
                    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                    connection.request("POST", self.path, body, {k: v for k, v in self.headers.items() if k.lower() not in ("host", "content-length")})
                    status = connection.getresponse().status
                except (OSError, http.client.HTTPException):
                    status = 502
                if status // 100 == 2 and "loki" in self.path:
                    proxy.taken += [int(n) for n in re.findall(rb"line-(\d{6})", unsnappy(body))]
                proxy.refused += status == 502
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@unittest.skipUnless(victorialogs(), "no VictoriaLogs: set WEIR_VICTORIALOGS or run tools/peer/victorialogs/build")
class VictoriaLogs(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.TemporaryDirectory(prefix="weir-vl-")
        self.addCleanup(self.root.cleanup)
        self.port, self.written = free_port(), 0
        os.mkdir(os.path.join(self.root.name, "log"))

    def start(self):
        command = [victorialogs(), "-httpListenAddr=127.0.0.1:%d" % self.port, "-storageDataPath=" + os.path.join(self.root.name, "data"), "-memory.allowedBytes=64MB", "-inmemoryDataFlushInterval=1s"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: connectable(self.port), 30)

    def end(self):
        self.process.terminate()
        self.process.wait(60)

    def write(self, lines):
        with open(os.path.join(self.root.name, "log", "a.log"), "a") as f:
            for _ in range(lines):
                second = time.time()
                f.write("%s.%03dZ %s line-%06d\n" % (time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)), second % 1 * 1000, ("info", "error")[self.written % 2], self.written))
                self.written += 1

    def write_for(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.write(50)
            time.sleep(0.2)

    def stored(self, way):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request("POST", "/select/logsql/query", urllib.parse.urlencode({"query": 'way:="%s"' % way, "limit": 1000000}), {"Content-Type": "application/x-www-form-urlencoded"})
        answer = connection.getresponse()
        lines = answer.read().splitlines()
        connection.close()
        return [json.loads(line) for line in lines] if answer.status == 200 else []  # it may still be starting

    def test_an_outage(self):
        self.start()
        proxy = Proxy(self.port)
        self.addCleanup(proxy.server.shutdown)
        config = CONFIG.replace("@folder@", os.path.join(self.root.name, "log")).replace("@proxy@", str(proxy.port))
        try:
            with Collector(binary(), config):
                self.write_for(3)
                wait_for(lambda: proxy.taken)
                self.end()
                self.write_for(OUTAGE)
                self.start()
                self.write_for(2)
                for way in ("loki", "otlp"):
                    wait_for(lambda: len(self.stored(way)) >= self.written, 60, "%d lines by way of %s" % (self.written, way))
            time.sleep(1)
            self.assertGreater(proxy.refused, 0)
            for stream in (0, 1):  # one for each level
                self.assertEqual([n for n in proxy.taken if n % 2 == stream], list(range(stream, self.written, 2)))
            for way in ("loki", "otlp"):
                records = self.stored(way)
                numbers = sorted(int(re.search(r"line-(\d{6})", json.dumps(record)).group(1)) for record in records)
                self.assertEqual(numbers, list(range(self.written)), way)
            loki, otlp = self.stored("loki")[0], self.stored("otlp")[0]
            self.assertEqual({key: loki.get(key) for key in ("exporter", "job", "k8s_pod_name", "way")}, {"exporter": "OTLP", "job": "shop/cart", "k8s_pod_name": "cart-0", "way": "loki"})
            self.assertIn(loki["level"], ("info", "error"))
            self.assertEqual({key: otlp.get(key) for key in ("service.name", "k8s.pod.name", "way")}, {"service.name": "cart", "k8s.pod.name": "cart-0", "way": "otlp"})
        finally:
            self.end()


if __name__ == "__main__":
    unittest.main()
